"""Say in SQL which rows are somebody else's, in a way the persona itself may run.

readable columns tell      r."team_id"::text = '...'                      in the statement itself
they do not                the prober notes the rows down first           others_of(it), by key
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ephraim_db.rls.catalog import Relation, quote
from ephraim_db.rls.findings.attempting import Step, as_prober
from ephraim_db.rls.findings.scene import Scene
from ephraim_db.rls.findings.scratch import keep_for, table_for
from ephraim_db.rls.ownership import Whose
from ephraim_db.rls.personas import Persona

MOST_NOTED = 1_000


@dataclass(frozen=True, slots=True)
class Named:
    """A condition on `r` that holds for some rows, and what must be done before it can be used."""

    before: tuple[Step, ...]
    condition: str


def rows_that_are(
    scene: Scene, persona: Persona, relation: Relation, kinds: tuple[Whose, ...]
) -> str:
    """Return the condition on `r`, for the prober, that a row is of one of these kinds."""
    ownership = scene.observation.ownership
    mine = (ownership.own(relation, persona), ownership.organization(relation, persona))
    if kinds == (Whose.OTHER,):
        known = " or ".join(condition for condition in mine if condition)
        return f"({known}) is not true" if known else "true"
    if kinds == (Whose.OWN,):
        return mine[0] or "false"
    whose = ownership.class_of_row(relation, persona)
    return f"{whose} in ({', '.join(f'{kind:d}' for kind in kinds)})"


def note_down(relation: Relation, condition: str, limit: int = MOST_NOTED) -> tuple[Step, ...]:
    """Return the steps that note rows down in `others_of` it, with the place they lie at."""
    places, place = "", ""
    if relation.has_places:
        places, place = "their_table oid, their_place tid, ", "r.tableoid, r.ctid, "
    return (
        keep_for("others", relation, places),
        as_prober(
            f"insert into {others_of(relation)} select {place}r.* "
            f"from {relation.sql} as r where {condition} limit {limit}"
        ),
    )


def others_of(relation: Relation) -> str:
    """Return the name of the table that rows of a relation are noted down in."""
    return table_for("others", relation)


def name_others(
    scene: Scene, persona: Persona, relation: Relation, kinds: tuple[Whose, ...] = (Whose.OTHER,)
) -> Iterator[Named]:
    """Yield ways to name the rows of others, the most readable first."""
    condition = rows_that_are(scene, persona, relation, kinds)
    readable = scene.privileges(persona, relation).select
    telling = scene.observation.ownership.telling_columns(relation)
    if "exists (" not in condition and telling <= readable:
        yield Named((), condition)
    noted = note_down(relation, condition)
    if relation.primary_key and readable.issuperset(relation.primary_key):
        keys = ", ".join(f"r.{quote(key)}" for key in relation.primary_key)
        others = ", ".join(f"o.{quote(key)}" for key in relation.primary_key)
        yield Named(noted, f"({keys}) in (select {others} from {others_of(relation)} as o)")
    if relation.has_places and scene.privileges(persona, relation).whole_row:
        yield Named(noted, f"r.ctid in (select o.their_place from {others_of(relation)} as o)")


def count_changed(relation: Relation) -> str:
    """Return the prober's question how many of the rows noted down are not as they were."""
    return (
        f"select count(*) as rows_changed from {others_of(relation)} as o where not exists ("
        f"select from {relation.sql} as r "
        "where r.tableoid = o.their_table and r.ctid = o.their_place)"
    )
