"""The values that a persona does not see, noted down to look for them where they may come out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from psycopg.sql import Literal

from ephraim_db.rls.catalog import Column, Relation, quote
from ephraim_db.rls.findings.attempting import Step
from ephraim_db.rls.findings.others import rows_that_are
from ephraim_db.rls.findings.scene import Scene
from ephraim_db.rls.findings.scratch import keep
from ephraim_db.rls.ownership import Whose
from ephraim_db.rls.personas import Persona

HIDDEN = "pg_temp.hidden_values"
CREATE = (
    keep("hidden_values", "source text, value text"),
    keep("shown_values", "value text", "select, insert"),
)
LONG_ENOUGH = 6
"""A shorter value, or a single word, may come back by chance."""
TELLING = ("uuid", "text", "character varying")
MOST_ROWS = 200

Target = tuple[Relation, Column]


def hide_all(
    scene: Scene, persona: Persona, targets: Sequence[Target], *, of_anybody: bool = False
) -> Iterator[Step]:
    """Yield the steps after which pg_temp.hidden_values holds what the persona does not see.

    To a member that is others', or `of_anybody`; to who has not signed in, all that a SELECT does
    not show.
    """
    columns: dict[Relation, list[Column]] = {}
    for relation, column in targets:
        columns.setdefault(relation, []).append(column)
    yield from CREATE
    for relation, hidden in columns.items():
        theirs = "true"
        if persona in scene.members and not of_anybody:
            theirs = rows_that_are(scene, persona, relation, (Whose.OTHER,))
        values = ", ".join(
            f"({_literal(f'{relation.full_name}.{c.name}')}, r.{quote(c.name)}::text)"
            for c in hidden
        )
        yield Step(
            f"insert into {HIDDEN} select distinct v.source, v.value "
            f"from (select r.* from {relation.sql} as r where {theirs} limit {MOST_ROWS}) as r "
            f"cross join lateral (values {values}) as v (source, value) "
            f"where length(v.value) >= {LONG_ENOUGH} and v.value !~ '^[[:alpha:]_-]*$'",
            may_fail=True,
        )
        allowed = scene.allowed(persona, relation, "SELECT")
        readable = {column for cell in allowed for column in cell.columns}
        shown = [f"r.{quote(c.name)}::text" for c in hidden if c.name in readable]
        if shown:
            yield Step(
                f"insert into pg_temp.shown_values select unnest(array[{', '.join(shown)}]) "
                f"from {relation.sql} as r",
                persona,
            )
    yield Step(
        f"delete from {HIDDEN} where value in (select s.value from pg_temp.shown_values as s) "
        f"or value in (select h.value from {HIDDEN} as h "
        "group by h.value having count(distinct h.source) > 1)"
    )


def _literal(text: str) -> str:
    return Literal(text).as_string(None).strip()
