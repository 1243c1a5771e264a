"""Which policy decided: whatever was done is done again with policies switched off one at a time.

Observed --judged--> who passed by which probe --drop policy, probe, roll back--> decided_by

Only where it is not plain: where several policies could have let somebody pass, or a restrictive
one could have kept him out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from ephraim_db.rls.asking import Act, Answers
from ephraim_db.rls.catalog import Policy, Relation, quote
from ephraim_db.rls.overlapping import Work
from ephraim_db.rls.ownership import Whose
from ephraim_db.rls.prober import MAY_BYPASS
from ephraim_db.rls.probes import COMMANDS, Answer, Command
from ephraim_db.rls.probing import INSUFFICIENT_PRIVILEGE, Observed
from ephraim_db.rls.verdicts import Verdict, judge

Ask = Callable[[Iterable[Act]], Work[Answers]]


@dataclass(frozen=True, slots=True)
class Case:
    """An outcome that several of the `policies` may have brought about, and what shows it."""

    observed: Observed
    command: Command
    verdict: Verdict
    policies: tuple[Policy, ...]
    answers: tuple[Answer, ...]

    @property
    def is_allowed(self) -> bool:
        """Return whether somebody passed."""
        return self.verdict.outcome == "allowed"

    @property
    def is_plain(self) -> bool:
        """Return whether there is only one policy that can have let somebody pass."""
        return self.is_allowed and len(self.policies) == 1

    @property
    def key(self) -> tuple[Command, str, Whose | None]:
        """Return what the decision is looked up by."""
        return self.command, self.verdict.outcome, self.verdict.reach

    def without(self, *policies: Policy) -> Act:
        """Return the act that does it again without these policies."""
        drops = (drop_policy(self.observed.relation, policy) for policy in policies)
        return self.again(" ".join(drops))

    def again(self, setup: str) -> Act:
        """Return the act that does it again after the prober changed something."""
        probes = [replace(a.probe, questions=(a.question,), joint=False) for a in self.answers]
        return Act(self.observed.persona, probes, setup)

    def reached(self, answers: Iterable[Answer]) -> frozenset[object]:
        """Return what was reached of the kind in question: numbers of rows, or questions."""
        found: set[object] = set()
        for answer in answers:
            if answer.question.whose is not None:
                found |= {answer.question} if answer.passed else set()
            elif self.observed.relation.has_places:
                whose = self.observed.rows.whose[self.observed.persona.name]
                found |= {n for n in answer.numbers if self._counts(whose[n - 1])}
            else:
                found |= {n for n in answer.numbers if self._counts(Whose(n))}
        return frozenset(found)

    def _counts(self, whose: Whose) -> bool:
        return self.verdict.reach in (None, whose)


def decide(observed: Sequence[Observed], ask: Ask) -> Work[list[Observed]]:
    """Return the same with what decided it, where a policy did."""
    cases = [tuple(_cases(one)) for one in observed]
    in_doubt = [case for mine in cases for case in mine if not case.is_plain]
    names = iter((yield from _names(in_doubt, ask)))
    found: list[Observed] = []
    for one, mine in zip(observed, cases, strict=True):
        decided = {
            case.key: case.policies[0].name if case.is_plain else next(names) for case in mine
        }
        named = {key: name for key, name in decided.items() if name}
        found.append(replace(one, decided=named))
    return found


def drop_policy(relation: Relation, policy: Policy) -> str:
    """Return the SQL that switches a policy off."""
    return f"drop policy {quote(policy.name)} on {relation.sql};"


def _cases(one: Observed) -> Iterator[Case]:
    relation, role = one.relation, one.persona.role
    if relation.policies is None or role in MAY_BYPASS:
        return
    for command in COMMANDS:
        policies = [p for p in relation.policies if _applies(p, command, role)]
        if command not in relation.commands or not policies:
            continue
        for verdict in dict.fromkeys(judge(one, command).values()):
            allowed = verdict.outcome == "allowed"
            could = tuple(p for p in policies if p.permissive == allowed)
            if could and verdict.outcome in ("allowed", "hidden", "refused_by_policy"):
                yield Case(one, command, verdict, could, _showing(one, command, verdict))


def _applies(policy: Policy, command: str, role: str) -> bool:
    return policy.command in (command, "ALL") and not {role, "public"}.isdisjoint(policy.roles)


def _showing(one: Observed, command: Command, verdict: Verdict) -> tuple[Answer, ...]:
    """Return the answers that show a verdict: one that passed, or those that did not."""
    mine = [a for a in one.answers if a.question.command == command]
    if verdict.outcome != "allowed":
        return tuple(a for a in mine if _was_kept_out(a))[:MOST_SHOWN]
    for answer in mine:
        if answer.passed and answer.question.whose is verdict.reach:
            return (answer,)
    whose = one.rows.whose[one.persona.name]
    for answer in mine:
        kinds = {whose[n - 1] if one.relation.has_places else Whose(n) for n in answer.numbers}
        if answer.passed and verdict.reach in kinds:
            return (answer,)
    return ()


MOST_SHOWN = 4
"""Probes that failed and are tried again without a restrictive policy."""


def _was_kept_out(answer: Answer) -> bool:
    if answer.sqlstate is None:
        return not answer.numbers and not answer.touched
    return answer.sqlstate == INSUFFICIENT_PRIVILEGE


def _names(cases: Sequence[Case], ask: Ask) -> Work[list[str | None]]:
    """Return the names of those without which it is otherwise; else of those that suffice alone."""
    needed = yield from _otherwise(cases, ask, lambda case, policy: (policy,))
    open_cases = [
        case for case, names in zip(cases, needed, strict=True) if names == [] and case.is_allowed
    ]
    missed = yield from _otherwise(
        open_cases, ask, lambda case, policy: [p for p in case.policies if p is not policy]
    )
    unneeded = iter(missed)
    decided: list[str | None] = []
    for case, names in zip(cases, needed, strict=True):
        if names == [] and case.is_allowed:
            gone = next(unneeded) or []
            enough = [p.name for p in case.policies if p.name not in gone]
            decided.append(" or ".join(enough) or None)
        else:
            decided.append(" and ".join(names or ()) or None)
    return decided


def _otherwise(
    cases: Sequence[Case], ask: Ask, dropped: Callable[[Case, Policy], Iterable[Policy]]
) -> Work[list[list[str] | None]]:
    """Return, for each case, the policies for which dropping made a difference; None: unknown."""
    tried = [(case, policy) for case in cases for policy in case.policies]
    told = yield from ask(case.without(*dropped(case, policy)) for case, policy in tried)
    answers = iter(told)
    found: list[list[str] | None] = []
    for case in cases:
        before = case.reached(case.answers)
        after = [(policy.name, next(answers)) for policy in case.policies]
        differing = [name for name, those in after if case.reached(those) != before]
        found.append(differing if case.answers and all(those for _, those in after) else None)
    return found
