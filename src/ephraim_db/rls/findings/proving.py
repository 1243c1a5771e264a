"""Proofs that rules share: somebody reads, adds, changes or removes rows of others."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from ephraim_db.rls.catalog import Column, Relation, quote
from ephraim_db.rls.findings.attempting import Step, asked
from ephraim_db.rls.findings.candidates import Proof
from ephraim_db.rls.findings.others import (
    count_changed,
    name_others,
    note_down,
    others_of,
    rows_that_are,
)
from ephraim_db.rls.findings.scene import Scene
from ephraim_db.rls.ownership import Whose
from ephraim_db.rls.personas import Persona
from ephraim_db.rls.probes import Command

OTHERS = (Whose.OTHER,)
MOST_COLUMNS = 3
"""So many of the columns that can be changed are tried for a proof."""


def reads_others(
    scene: Scene,
    persona: Persona,
    relation: Relation,
    columns: Sequence[str],
    kinds: tuple[Whose, ...] = OTHERS,
) -> tuple[Proof, ...]:
    """Return proofs that the persona reads these columns of rows that are of these kinds."""
    named = ", ".join(f"r.{quote(column)}" for column in columns)
    return tuple(
        Proof((
            *others.before,
            asked(
                "select count(*) as rows_read from ("
                f"select {named} from {relation.sql} as r where {others.condition}) as q",
                persona,
            ),
        ))
        for others in name_others(scene, persona, relation, kinds)
    )  # fmt: skip


def changes_others(
    scene: Scene,
    persona: Persona,
    relation: Relation,
    columns: Sequence[str],
    kinds: tuple[Whose, ...] = OTHERS,
) -> tuple[Proof, ...]:
    """Return proofs that the persona changes one of these columns in rows of these kinds."""
    proofs = []
    for column in columns[:MOST_COLUMNS]:
        name = quote(column)
        for others in name_others(scene, persona, relation, kinds):
            for value in (f"r.{name}", "default"):
                sql = f"update {relation.sql} as r set {name} = {value} where {others.condition}"
                proofs.append(Proof((*others.before, Step(sql, persona))))
        noted = note_down(relation, rows_that_are(scene, persona, relation, kinds))
        if relation.has_places:
            for value in (name, "default", *_values(relation, column)):
                sql = f"update {relation.sql} set {name} = {value}"
                changed = asked(count_changed(relation))
                proofs.append(Proof((*noted, Step(sql, persona), changed)))
    return tuple(proofs)


def _values(relation: Relation, column: str) -> Iterator[str]:
    key = quote(column)
    yield f"(select o.{key} from {others_of(relation)} as o where o.{key} is not null limit 1)"
    if any(c.name == column and c.is_boolean for c in relation.columns):
        yield "true"


def removes_others(
    scene: Scene, persona: Persona, relation: Relation, kinds: tuple[Whose, ...] = OTHERS
) -> tuple[Proof, ...]:
    """Return proofs that the persona removes rows of these kinds."""
    proofs = [
        Proof((
            *others.before,
            Step(f"delete from {relation.sql} as r where {others.condition}", persona),
        ))
        for others in name_others(scene, persona, relation, kinds)
    ]  # fmt: skip
    if relation.has_places:
        noted = note_down(relation, rows_that_are(scene, persona, relation, kinds))
        blind = Step(f"delete from {relation.sql}", persona)
        proofs.append(Proof((*noted, blind, asked(count_changed(relation)))))
    # A foreign key objects after the policies: that it could, shows that they did not.
    proofs += [Proof(proof.steps, "23503") for proof in proofs if not proof.steps[-1].asks]
    return tuple(proofs)


def adds_for_others(
    scene: Scene,
    persona: Persona,
    relation: Relation,
    granted: Sequence[str],
    kinds: tuple[Whose, ...] = OTHERS,
) -> tuple[Proof, ...]:
    """Return proofs that the persona adds a row that is of these kinds."""
    if not relation.has_places:
        return ()
    theirs = rows_that_are(scene, persona, relation, kinds)
    noted = note_down(relation, theirs, 1)
    before = Step(
        "create temp table before on commit drop as "
        f"select count(*) as n from {relation.sql} as r where {theirs}"
    )
    more = asked(
        f"select count(*) - (select b.n from pg_temp.before as b) as rows_added "
        f"from {relation.sql} as r where {theirs}"
    )
    proofs = []
    for columns in insert_choices(scene, relation, granted):
        names = ", ".join(quote(column.name) for column in columns)
        values = ", ".join(fresh(relation, column) for column in columns)
        add = (
            f"insert into {relation.sql} ({names}) select {values} from {others_of(relation)} as o"
        )
        proofs.append(Proof((*noted, before, Step(add, persona), more)))
        proofs.append(Proof((*noted, Step(add, persona)), "23505"))
    return tuple(proofs)


def insert_choices(
    scene: Scene, relation: Relation, granted: Collection[str]
) -> Iterator[tuple[Column, ...]]:
    """Yield which columns to name: with a key of its own, as few as may be, and all."""
    telling = scene.observation.ownership.telling_columns(relation)
    columns = [c for c in relation.columns if c.written and c.name in granted]
    keyless = tuple(c for c in columns if c.name not in relation.primary_key or not c.has_default)
    least = tuple(c for c in columns if (c.required and not c.has_default) or c.name in telling)
    yield from dict.fromkeys(choice for choice in (keyless, least, tuple(columns)) if choice)


def fresh(relation: Relation, column: Column) -> str:
    """Return a value that is not taken yet where a key needs one, else the other row's."""
    own_key = relation.primary_key == (column.name,)
    points = any(column.name in key.columns for key in relation.foreign_keys)
    if own_key and not points and column.type == "uuid":
        return "gen_random_uuid()"
    return f"o.{quote(column.name)}"


def proofs_of_writing(
    scene: Scene,
    persona: Persona,
    relation: Relation,
    command: Command,
    columns: Sequence[str],
    kinds: tuple[Whose, ...] = OTHERS,
) -> tuple[Proof, ...]:
    """Return the proofs for INSERT, UPDATE or DELETE."""
    if command == "INSERT":
        return adds_for_others(scene, persona, relation, columns, kinds)
    if command == "UPDATE":
        return changes_others(scene, persona, relation, columns, kinds)
    return removes_others(scene, persona, relation, kinds)
