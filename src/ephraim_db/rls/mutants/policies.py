"""Mutants of policies: gone, always true, an expression broken, or for more than was meant."""

from __future__ import annotations

from collections.abc import Iterator

from ephraim_db.rls.catalog import Relation, quote
from ephraim_db.rls.mutants.expressions import Edit, is_true, mutate_expression
from ephraim_db.rls.mutants.mutant import Mutant
from ephraim_db.rls.mutants.proving import same_check, same_command, same_roles
from ephraim_db.rls.mutants.targets import PolicyText, Targets, on


def break_policies(targets: Targets) -> Iterator[Mutant]:
    """Yield every mutant of every policy of the exposed relations."""
    relations = {relation.oid: relation for relation in targets.exposed}
    for policy in targets.policies:
        breaking = _Breaking(targets, policy, relations[policy.relation])
        yield from breaking.switches()
        yield from breaking.expressions()
        yield from breaking.widenings()


class _Breaking:
    """The mutants of one policy."""

    def __init__(self, targets: Targets, policy: PolicyText, relation: Relation) -> None:
        self.targets = targets
        self.policy = policy
        self.relation = relation
        self.roles = targets.acting_as(policy.roles) if policy.roles else None

    def switches(self) -> Iterator[Mutant]:
        drop = f"drop policy {on(self.policy, self.relation)}"
        who = f"a persona that {', '.join(self.policy.roles) or 'public'} holds for"
        yield self._mutant("drop a policy", "is gone", drop, f"{who}, with a row it lets pass")
        kind, other = "permissive", "restrictive"
        if not self.policy.permissive:
            kind, other = other, kind
        yield self._mutant(
            "permissive to restrictive" if self.policy.permissive else "restrictive to permissive",
            f"is {other}, not {kind}",
            self._anew(permissive=not self.policy.permissive),
            f"{who}, with a row it lets pass",
        )

    def expressions(self) -> Iterator[Mutant]:
        """Yield the policy with its USING, or its WITH CHECK, otherwise."""
        for clause, expression in (
            ("using", self.policy.qual),
            ("with check", self.policy.checked),
        ):
            if expression is None or is_true(expression):
                continue
            name = clause.upper()
            always = Edit(
                f"{name} to true",
                f"{name} is true",
                "true",
                f"a row for which {' '.join(expression.split())} is not true",
                widens=True,
            )
            for edit in (
                always,
                *mutate_expression(expression, self.relation, self.targets.named),
            ):
                change = edit.change if edit is always else f"{name} has {edit.change}"
                yield self._mutant(
                    edit.operator,
                    change,
                    f"alter policy {on(self.policy, self.relation)} {clause} ({edit.sql})",
                    edit.wanted,
                    edit.same or same_check(self.targets, self.policy, clause, edit),
                )

    def widenings(self) -> Iterator[Mutant]:
        policy, relation = self.policy, self.relation
        if policy.roles:
            yield Mutant(
                "widen to",
                self._subject,
                "is for public",
                f"alter policy {on(policy, relation)} to public",
                (relation.oid,),
                roles=None,
                wanted=f"a persona whose role is not {', '.join(policy.roles)}, and may "
                f"{'do' if policy.command == 'all' else policy.command} something here",
                equivalent=same_roles(self.targets, policy),
            )
        if policy.command != "all":
            yield self._mutant(
                "widen the command",
                "is for all commands",
                self._anew(command="all"),
                f"a persona that may do more than {policy.command} here, and a row that only this "
                "policy lets it reach",
                same_command(self.targets, policy),
            )

    def _anew(self, *, permissive: bool | None = None, command: str | None = None) -> str:
        policy = self.policy
        permissive = policy.permissive if permissive is None else permissive
        command = command or policy.command
        roles = ", ".join(quote(role) for role in policy.roles) or "public"
        qual, checked = policy.qual, policy.checked
        if command == "all":
            qual = qual or checked
        parts = [
            f"create policy {on(policy, self.relation)}",
            f"as {'permissive' if permissive else 'restrictive'} for {command} to {roles}",
            f"using ({qual})" if qual else "",
            f"with check ({checked})" if checked else "",
        ]
        return f"drop policy {on(policy, self.relation)}; {' '.join(p for p in parts if p)}"

    @property
    def _subject(self) -> str:
        return f'policy "{self.policy.name}" on {self.relation.full_name}'

    def _mutant(
        self, operator: str, change: str, sql: str, wanted: str, equivalent: str | None = None
    ) -> Mutant:
        return Mutant(
            operator,
            self._subject,
            change,
            sql,
            (self.relation.oid,),
            roles=self.roles,
            wanted=wanted,
            equivalent=equivalent,
        )
