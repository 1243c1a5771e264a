"""second-membership-fails: a policy that works for members of one organization fails for two.

a second membership --of the persona, made by the prober--> SELECT ends in 21000
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ephraim_db.rls.catalog import Relation, quote
from ephraim_db.rls.findings.attempting import Step, asked
from ephraim_db.rls.findings.candidates import Candidate, Proof
from ephraim_db.rls.findings.door_writes import in_ones_own_name
from ephraim_db.rls.findings.doors import Doors
from ephraim_db.rls.findings.facts import Policy
from ephraim_db.rls.findings.failing_policies import TWO_ROWS, fix_lookup
from ephraim_db.rls.findings.scene import Scene
from ephraim_db.rls.findings.scratch import table_for
from ephraim_db.rls.personas import Persona

RULE = "second-membership-fails"
COMPARES = re.compile(r"[=<>]\s*\(+\s*select\b[^()]*\bfrom\b", re.IGNORECASE)
"""With a subquery that may find several rows; one without FROM finds one."""


def find(scene: Scene) -> Iterator[Candidate]:
    """Make every member a member once more, where the tables allow it, and let them look."""
    doors = Doors(scene)
    memberships = [
        door
        for door in doors.relations
        if scene.observation.ownership.owner_columns(door) and _may_be_twice(scene, door)
    ]
    tries: list[tuple[Persona, Relation, Relation, tuple[Step, ...]]] = []
    for persona in scene.members:
        for door in memberships if persona.sub else ():
            joining = _join(scene, persona, door)
            tries += [
                (persona, door, relation, (*joining, _look(persona, relation)))
                for relation in doors.guarded_by(door)
                if scene.privileges(persona, relation).select and _compares(scene, relation)
            ]
    results = scene.carry_out([steps for *_, steps in tries])
    for (persona, door, relation, steps), told in zip(tries, results, strict=True):
        if len(told) == len(steps) and told[-1].sqlstate == TWO_ROWS:
            yield Candidate(
                RULE,
                "warning",
                persona,
                relation.full_name,
                (),
                f"{persona.name}, with a second row in {door.full_name}, cannot read "
                f"{relation.full_name}: a policy compares with a subquery that finds both",
                fix_lookup(_policies(scene, relation), (), TWO_ROWS),
                (Proof(steps, TWO_ROWS),),
            )


def _may_be_twice(scene: Scene, door: Relation) -> bool:
    owners = set(scene.observation.ownership.owner_columns(door))
    return not any(set(key) <= owners for key in (door.primary_key, *scene.table(door).unique_keys))


def _compares(scene: Scene, relation: Relation) -> bool:
    """Return whether a policy, or a function that it calls, compares with a subquery at all."""
    policies = _policies(scene, relation)
    called = scene.facts.called(oid for policy in policies for oid in policy.calls)
    texts = [f"{policy.condition} {policy.check_condition}" for policy in policies]
    texts += [scene.facts.functions[oid].source for oid in called]
    return any(COMPARES.search(text) for text in texts)


def _policies(scene: Scene, relation: Relation) -> list[Policy]:
    return [policy for policy in scene.facts.policies if policy.relation == relation.oid]


def _join(scene: Scene, persona: Persona, door: Relation) -> tuple[Step, ...]:
    columns = [c for c in door.columns if c.written]
    columns = [c for c in columns if c.name not in door.primary_key or not c.has_default]
    names = ", ".join(quote(column.name) for column in columns)
    return (
        *in_ones_own_name(scene, persona, door, columns),
        Step(f"insert into {door.sql} ({names}) select {names} from {table_for('template', door)}"),
    )


def _look(persona: Persona, relation: Relation) -> Step:
    return asked(f"select count(*) as rows_read from {relation.sql}", persona)
