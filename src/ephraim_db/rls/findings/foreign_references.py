"""cross-boundary-reference: a row of one organization is made to point at a row of another.

Foreign keys look past policies. A key that carries the boundary column as well cannot cross it.
"""

from __future__ import annotations

from collections.abc import Iterator

from ephraim_db.rls.catalog import ForeignKey, Relation, quote
from ephraim_db.rls.findings.attempting import Step
from ephraim_db.rls.findings.candidates import Candidate, Proof
from ephraim_db.rls.findings.others import note_down, others_of, rows_that_are
from ephraim_db.rls.findings.proving import fresh, insert_choices
from ephraim_db.rls.findings.scene import Scene
from ephraim_db.rls.findings.scratch import keep_for, table_for
from ephraim_db.rls.ownership import Whose
from ephraim_db.rls.personas import Persona

RULE = "cross-boundary-reference"


def find(scene: Scene) -> Iterator[Candidate]:
    """Suspect every member who may write a key that points at rows of organizations."""
    relations = {relation.oid: relation for relation in scene.relations}
    for persona, relation in scene.pairs(scene.judged_members):
        if Whose.ORGANIZATION not in scene.kinds(persona, relation) or not relation.has_places:
            continue
        for key in relation.foreign_keys:
            target = relations.get(key.target)
            if target and len(key.columns) == 1 and _is_hidden(scene, persona, target):
                yield from _candidates(scene, persona, relation, key, target)


def _is_hidden(scene: Scene, persona: Persona, target: Relation) -> bool:
    """Return whether there are rows of other organizations that the persona does not see."""
    if Whose.ORGANIZATION not in scene.kinds(persona, target) or scene.is_boundary(target):
        return False
    others = scene.whose(persona, target, Whose.OTHER)
    return bool(others) and not scene.rows_seen(persona, target) & others


def _candidates(
    scene: Scene, persona: Persona, relation: Relation, key: ForeignKey, target: Relation
) -> Iterator[Candidate]:
    (column,), (pointed_at,) = key.columns, key.target_columns
    proofs = (
        *_updates(scene, persona, relation, column, target, pointed_at),
        *_inserts(scene, persona, relation, column, target, pointed_at),
    )
    boundary = scene.observation.personas.boundary
    yield Candidate(
        RULE,
        "warning",
        persona,
        relation.full_name,
        (column,),
        f"{persona.name} makes a row of {relation.full_name} point at another "
        f"{scene.boundary}'s row of {target.full_name}",
        f"alter table {target.sql} add unique ({boundary}, {pointed_at}); "
        f"alter table {relation.sql} drop constraint {quote(key.name)}, "
        f"add foreign key ({boundary}, {quote(column)}) "
        f"references {target.sql} ({boundary}, {pointed_at});",
        proofs,
    )  # fmt: skip


def _theirs(scene: Scene, persona: Persona, target: Relation, pointed_at: str) -> tuple[Step, ...]:
    others = rows_that_are(scene, persona, target, (Whose.OTHER,))
    return (
        keep_for("theirs", target),
        Step(
            f"insert into {table_for('theirs', target)} "
            f"select r.* from {target.sql} as r where {others} limit 1"
        ),
    )


def _their_key(target: Relation, pointed_at: str) -> str:
    return f"(select t.{quote(pointed_at)} from {table_for('theirs', target)} as t)"


def _mine(scene: Scene, persona: Persona, relation: Relation) -> tuple[Step, ...]:
    kinds = (Whose.OWN, Whose.ORGANIZATION)
    return note_down(relation, rows_that_are(scene, persona, relation, kinds), 1)


def _updates(
    scene: Scene,
    persona: Persona,
    relation: Relation,
    column: str,
    target: Relation,
    pointed_at: str,
) -> Iterator[Proof]:
    keys = relation.primary_key
    granted = scene.privileges(persona, relation)
    if column not in granted.update or not keys or not granted.select.issuperset(keys):
        return
    here = ", ".join(f"r.{quote(key)}" for key in keys)
    noted = ", ".join(f"o.{quote(key)}" for key in keys)
    update = (
        f"update {relation.sql} as r "
        f"set {quote(column)} = {_their_key(target, pointed_at)} "
        f"where ({here}) in (select {noted} from {others_of(relation)} as o)"
    )
    yield Proof((
        *_theirs(scene, persona, target, pointed_at),
        *_mine(scene, persona, relation),
        Step(update, persona),
    ))  # fmt: skip


def _inserts(
    scene: Scene,
    persona: Persona,
    relation: Relation,
    column: str,
    target: Relation,
    pointed_at: str,
) -> Iterator[Proof]:
    granted = scene.privileges(persona, relation).insert
    for columns in insert_choices(scene, relation, granted):
        names = ", ".join(quote(c.name) for c in columns)
        values = ", ".join(
            _their_key(target, pointed_at) if c.name == column else fresh(relation, c)
            for c in columns
        )
        insert = (
            f"insert into {relation.sql} ({names}) select {values} from {others_of(relation)} as o"
        )
        if column in {c.name for c in columns}:
            yield Proof((
                *_theirs(scene, persona, target, pointed_at),
                *_mine(scene, persona, relation),
                Step(insert, persona),
            ))  # fmt: skip
