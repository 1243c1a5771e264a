"""unique-oracle: a unique key tells that a hidden row has a value, to whoever tries that value."""

from __future__ import annotations

from collections.abc import Iterator

from ephraim_db.rls.catalog import Relation, quote
from ephraim_db.rls.findings.attempting import Step
from ephraim_db.rls.findings.candidates import Candidate, Proof
from ephraim_db.rls.findings.others import note_down, others_of, rows_that_are
from ephraim_db.rls.findings.scene import Scene
from ephraim_db.rls.findings.scratch import keep_for, table_for
from ephraim_db.rls.findings.secret_columns import find_secrets
from ephraim_db.rls.ownership import Whose
from ephraim_db.rls.personas import Persona

RULE = "unique-oracle"
DUPLICATE = "23505"
GUESSABLE = ("text", "character", "integer", "bigint", "smallint", "citext", "extensions.citext")


def find(scene: Scene) -> Iterator[Candidate]:
    """Suspect every unique column, of values that can be guessed, that a member may write."""
    secrets = {(s.relation.oid, s.column.name) for s in find_secrets(scene)}
    for persona, relation in scene.pairs(scene.judged_members):
        hidden = scene.whose(persona, relation, Whose.OTHER) - scene.rows_seen(persona, relation)
        for key in scene.table(relation).unique_keys if hidden else ():
            column = next((c for c in relation.columns if (c.name,) == key), None)
            if column is None or not column.type.startswith(GUESSABLE):
                continue
            secret = (relation.oid, column.name) in secrets
            yield Candidate(
                RULE,
                "warning" if secret else "info",
                persona,
                relation.full_name,
                (column.name,),
                f"{persona.name} learns from a duplicate key whether a hidden row of "
                f"{relation.full_name} has a certain {column.name}",
                f"Make the key unique per {scene.boundary}, or let a function write it that does "
                "not tell why it failed.",
                tuple(_proofs(scene, persona, relation, column.name)),
            )


def _proofs(scene: Scene, persona: Persona, relation: Relation, column: str) -> Iterator[Proof]:
    granted = scene.privileges(persona, relation)
    name = quote(column)
    noted = note_down(relation, rows_that_are(scene, persona, relation, (Whose.OTHER,)), 1)
    theirs = f"(select o.{name} from {others_of(relation)} as o)"
    keys = relation.primary_key
    kinds = tuple(k for k in (Whose.OWN, Whose.ORGANIZATION) if k in scene.kinds(persona, relation))
    own = rows_that_are(scene, persona, relation, kinds)
    own_row = table_for("mine", relation)
    mine = (
        keep_for("mine", relation),
        Step(f"insert into {own_row} select r.* from {relation.sql} as r where {own} limit 1"),
    )
    if column in granted.update and keys and granted.select.issuperset(keys):
        here = ", ".join(f"r.{quote(key)}" for key in keys)
        there = ", ".join(f"m.{quote(key)}" for key in keys)
        update = (
            f"update {relation.sql} as r set {name} = {theirs} "
            f"where ({here}) in (select {there} from {own_row} as m)"
        )
        yield Proof((*noted, *mine, Step(update, persona)), DUPLICATE)
    if column in granted.insert:
        columns = [c for c in relation.columns if c.written and c.name in granted.insert]
        columns = [c for c in columns if c.name not in keys or not c.has_default]
        names = ", ".join(quote(c.name) for c in columns)
        values = ", ".join(theirs if c.name == column else f"m.{quote(c.name)}" for c in columns)
        insert = f"insert into {relation.sql} ({names}) select {values} from {own_row} as m"
        yield Proof((*noted, *mine, Step(insert, persona)), DUPLICATE)
