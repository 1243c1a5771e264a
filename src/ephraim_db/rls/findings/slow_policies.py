"""policy-per-row: a policy calls a function for every row that could be called once a statement.

a copy of the table with as many rows as asked for, and the same policies
  --as the persona--> counted, timed --the calls written as (select ...)--> counted, timed again

Not part of every run: `--cost ROWS` asks for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ephraim_db.rls.catalog import Relation, quote
from ephraim_db.rls.findings.attempting import Step, asked
from ephraim_db.rls.findings.candidates import Candidate, Proof
from ephraim_db.rls.findings.facts import Policy
from ephraim_db.rls.findings.scene import Scene
from ephraim_db.rls.personas import Persona

RULE = "policy-per-row"
CALL = re.compile(r"(?<!SELECT )(?<![\w.\"])((?:[\w\"]+\.)?[\w\"]+\((?:'[^']*'(?:::[\w. ]+)?)?\))")
"""A call whose arguments are no columns, and that is no scalar subquery yet."""
WORTH_TELLING = 2
"""So many times as fast it must become."""
TIMINGS = "pg_temp.timings"


@dataclass(frozen=True, slots=True)
class Cost:
    """The rule, for tables of so many rows."""

    rows: int

    def __call__(self, scene: Scene) -> Iterator[Candidate]:
        """Time every table whose SELECT policies call something, as the first member it lets in."""
        for relation in scene.relations:
            persona = next((p for p in scene.members if scene.allowed(p, relation, "SELECT")), None)
            policies = [
                policy
                for policy in scene.facts.policies
                if policy.relation == relation.oid and policy.command in ("SELECT", "ALL")
            ]
            slow = [policy for policy in policies if CALL.search(policy.condition)]
            if persona is None or not slow or not relation.has_places:
                continue
            steps = self._steps(persona, relation, policies)
            *_, before, after = _timed(scene, steps)
            if after and before > WORTH_TELLING * after:
                names = ", ".join(quote(policy.name) for policy in slow)
                yield Candidate(
                    RULE,
                    "warning",
                    persona,
                    relation.full_name,
                    (),
                    f"{persona.name} waits {before} ms to count {self.rows} rows of "
                    f"{relation.full_name}, and {after} ms where {names} calls its functions "
                    "once a statement, as (select ...)",
                    " ".join(_rewritten(relation, policy) for policy in slow),
                    (Proof(steps),),
                )

    def _steps(
        self, persona: Persona, relation: Relation, policies: Sequence[Policy]
    ) -> tuple[Step, ...]:
        original = f"{quote(relation.schema)}.{quote('ephraim_' + relation.name[:40])}"
        columns = ", ".join(quote(c.name) for c in relation.columns if c.written)
        copies = (
            f"insert into {relation.sql} ({columns}) "
            f"select {columns} from {original} as o cross join generate_series(1, {self.rows}) "
            f"limit {self.rows}"
        )
        timing = (
            "do $$ declare started timestamptz := clock_timestamp(); "
            f"begin perform count(*) from {relation.sql}; insert into {TIMINGS} (ms) "
            "values (extract(epoch from clock_timestamp() - started) * 1000); end $$"
        )
        return (
            Step("create temp table timings (n serial, ms numeric) on commit drop"),
            Step(f"grant all on {TIMINGS}, pg_temp.timings_n_seq to public"),
            Step(f"alter table {relation.sql} rename to {quote('ephraim_' + relation.name[:40])}"),
            Step(f"create table {relation.sql} (like {original})"),
            Step(copies),
            Step(f"alter table {relation.sql} enable row level security"),
            *(Step(created(relation.sql, policy)) for policy in policies),
            Step(f"grant select on {relation.sql} to {quote(persona.role)}"),
            Step(f"analyze {relation.sql}"),
            Step(timing, persona),
            *(Step(_rewritten(relation, policy).rstrip(";")) for policy in policies),
            Step(timing, persona),
            asked(
                f"select round(max(t.ms) filter (where t.n = 1) / "
                f"nullif(max(t.ms) filter (where t.n = 2), 0)) - {WORTH_TELLING - 1} "
                f"as times_as_fast from {TIMINGS} as t"
            ),
        )


def _timed(scene: Scene, steps: tuple[Step, ...]) -> tuple[int, int]:
    """Return the milliseconds before and after."""
    asking = asked(f"select string_agg(round(t.ms)::text, ' ' order by t.n) from {TIMINGS} as t")
    (told,) = scene.carry_out([(*steps[:-1], asking)])
    numbers = (told[-1].answer or "").split() if told else []
    return (int(numbers[0]), max(1, int(numbers[1]))) if len(numbers) == 2 else (0, 0)


def created(table: str, policy: Policy) -> str:
    """Return the statement that makes the policy once more, for SELECT, on another table."""
    roles = ", ".join(policy.roles)
    kind = "permissive" if policy.permissive else "restrictive"
    return (
        f"create policy {quote(policy.name)} on {table} as {kind} for select "
        f"to {roles} using ({policy.condition})"
    )


def _rewritten(relation: Relation, policy: Policy) -> str:
    once = CALL.sub(r"(select \1)", policy.condition)
    return f"alter policy {quote(policy.name)} on {relation.sql} using ({once});"
