"""soft-delete-fails: a row cannot be marked as deleted, because then it could not be seen.

An UPDATE has to leave a row that the SELECT policies still let pass, wherever it reads the row.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ephraim_db.rls.catalog import Column, Relation, quote
from ephraim_db.rls.findings.attempting import Step
from ephraim_db.rls.findings.candidates import Candidate, Proof
from ephraim_db.rls.findings.others import note_down, others_of, rows_that_are
from ephraim_db.rls.findings.scene import Scene
from ephraim_db.rls.ownership import Whose
from ephraim_db.rls.personas import Persona

RULE = "soft-delete-fails"
MARKS = re.compile(r"^(is_)?(soft_)?(deleted|archived|removed|trashed)(_at|_on)?$", re.IGNORECASE)
NO_PRIVILEGE = "42501"


def find(scene: Scene) -> Iterator[Candidate]:
    """Try to mark a row, wherever it may be changed otherwise and the mark is granted."""
    for persona, relation in scene.pairs(scene.members):
        keys = relation.primary_key
        granted = scene.privileges(persona, relation)
        marks = [mark for mark in marks_of(relation) if mark.name in granted.update]
        changes = [c for cell in scene.allowed(persona, relation, "UPDATE") for c in cell.columns]
        if not marks or not changes or not keys or not granted.select.issuperset(keys):
            continue
        for mark in marks:
            tries = [
                (_unmarked(scene, persona, relation, mark, other), proof)
                for proof in _marking(scene, persona, relation, mark)
                for other in changes
                if other != mark.name
            ]
            results = scene.carry_out([before for before, _ in tries])
            for (before, proof), told in zip(tries, results, strict=True):
                if len(told) == len(before) and told[-1].touched:
                    yield _candidate(scene, persona, relation, mark, proof)
                    break


def _marking(scene: Scene, persona: Persona, relation: Relation, mark: Column) -> Iterator[Proof]:
    steps = (
        *one_unmarked(scene, persona, relation, mark),
        Step(_update(relation, f"{quote(mark.name)} = {value_of(mark)}"), persona),
    )
    yield Proof(steps, NO_PRIVILEGE)


def _unmarked(
    scene: Scene, persona: Persona, relation: Relation, mark: Column, other: str
) -> tuple[Step, ...]:
    """Return the steps that change another column of the same row, to see that it may be."""
    name = quote(other)
    value = f"(select o.{name} from {others_of(relation)} as o limit 1)"
    update = Step(_update(relation, f"{name} = {value}"), persona)
    return (*one_unmarked(scene, persona, relation, mark), update)


def marks_of(relation: Relation) -> tuple[Column, ...]:
    """Return the columns that mark a row as deleted."""
    return tuple(column for column in relation.columns if MARKS.match(column.name))


def value_of(mark: Column) -> str:
    """Return the SQL of a mark that is set."""
    return "true" if mark.is_boolean else f"now()::{mark.type}"


def one_unmarked(
    scene: Scene, persona: Persona, relation: Relation, mark: Column
) -> tuple[Step, ...]:
    """Return the steps that note down a row of the persona's that is not marked."""
    kinds = scene.kinds(persona, relation)
    mine = [kind for kind in (Whose.OWN, Whose.ORGANIZATION) if kind in kinds]
    whose = " or ".join(rows_that_are(scene, persona, relation, (kind,)) for kind in mine)
    name = quote(mark.name)
    unmarked = f"r.{name} is not true" if mark.is_boolean else f"r.{name} is null"
    return note_down(relation, f"({whose or 'true'}) and {unmarked}", 1)


def _update(relation: Relation, setting: str) -> str:
    keys = ", ".join(f"r.{quote(key)}" for key in relation.primary_key)
    noted = ", ".join(f"o.{quote(key)}" for key in relation.primary_key)
    return (
        f"update {relation.sql} as r set {setting} "
        f"where ({keys}) in (select {noted} from {others_of(relation)} as o)"
    )


def _candidate(
    scene: Scene, persona: Persona, relation: Relation, mark: Column, proof: Proof
) -> Candidate:
    policies = scene.facts.deciding(relation, "SELECT", persona.role)
    names = ", ".join(quote(policy.name) for policy in policies)
    return Candidate(
        RULE,
        "warning",
        persona,
        relation.full_name,
        (mark.name,),
        f"{persona.name} may change rows of {relation.full_name}, but setting {mark.name} is "
        "refused: the row could then not be seen",
        f"Let {names or 'the SELECT policies'} still show a marked row to who may mark it, and "
        f"leave marked rows out in the query or a view; or mark in a security definer function.",
        (proof,),
    )
