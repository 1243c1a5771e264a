"""The rows there are to probe with: numbered copies in temporary tables, each with its `Whose`.

public.notes --copy--> pg_temp.ephraim_rows_<oid> (n, part, place, image)
                        part and place are tableoid and ctid, to know a row again; image is the row

The copies never leave the database, so no value of a row passes through this process.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import psycopg
from psycopg.abc import Query

from ephraim_db.rls.catalog import Column, Relation, quote
from ephraim_db.rls.ownership import Ownership, Whose
from ephraim_db.rls.personas import Persona

MOST_ROWS = 1_000
"""Rows copied of one relation; a larger one is observed through these, and through"""
MOST_OF_A_KIND = 20
"""rows of each kind that is not among them."""


@dataclass(frozen=True, slots=True)
class Rows:
    """The copied rows of a relation. `whose[persona][n - 1]` is whose row n is.

    `shapes[n - 1]` tells, column by column, what makes row n unlike others: which values are null,
    and the value itself of an enum or boolean. `total` counts the rows there are. `failure` is the
    SQLSTATE if they could not be read.
    """

    relation: Relation
    total: int
    whose: dict[str, tuple[Whose, ...]]
    shapes: tuple[tuple[str, ...], ...] = ()
    failure: str | None = None

    @property
    def table(self) -> str:
        """Return the name of the temporary table, for SQL."""
        return copy_name(self.relation)

    def examples(self, persona: Persona, whose: Whose, column: str | None = None) -> list[int]:
        """Return the numbers of a few rows that are `whose`, as unlike each other as there are.

        First rows that differ in `column`, if one is given.
        """
        found = [n for n, of in enumerate(self.whose[persona.name], start=1) if of is whose]
        unlike: dict[object, int] = {}
        if column is not None:
            at = self.relation.column_names.index(column)
            for n in found:
                unlike.setdefault(self.shapes[n - 1][at], n)
        for n in found:
            unlike.setdefault(self.shapes[n - 1], n)
        return list(dict.fromkeys((*unlike.values(), *found)))[:MOST_EXAMPLES]

    def kinds(self, persona: Persona) -> tuple[Whose, ...]:
        """Return the kinds of which there is a row, narrowest first."""
        return tuple(sorted(set(self.whose[persona.name])))


MOST_EXAMPLES = 4


def copy_name(relation: Relation) -> str:
    """Return the name of the temporary table that a relation's rows are copied to."""
    return f"pg_temp.ephraim_rows_{relation.oid}"


def copy_rows(
    connection: psycopg.Connection[Any],
    relation: Relation,
    personas: Sequence[Persona],
    ownership: Ownership,
) -> Rows:
    """Copy a relation's rows and say whose they are, as the prober, within the transaction."""
    table = copy_name(relation)
    place = "tableoid as part, ctid as place" if relation.has_places else "0 as part, 0 as place"
    try:
        with connection.transaction():
            _run(
                connection,
                f"create temp table {table.removeprefix('pg_temp.')} on commit drop as "  # noqa: S608
                f"select row_number() over ()::integer as n, {place}, ephraim_row as image "
                f"from {relation.sql} as ephraim_row limit {MOST_ROWS}",
            )
            _run(connection, f"grant select on {table} to public")
            total = _run(connection, f"select count(*) from {relation.sql}").fetchone()  # noqa: S608
            count: int = total[0] if total else 0
            rows = Rows(relation, count, *_look(connection, relation, personas, ownership))
            if relation.has_places and count > MOST_ROWS:
                for persona in personas:
                    missing = set(ownership.kinds(relation, persona)) - set(rows.kinds(persona))
                    for kind in sorted(missing):
                        _copy_more(
                            connection, relation, ownership.class_of_row(relation, persona), kind
                        )
                rows = Rows(relation, count, *_look(connection, relation, personas, ownership))
            return rows
    except psycopg.Error as error:
        nobody: dict[str, tuple[Whose, ...]] = {persona.name: () for persona in personas}
        return Rows(relation, 0, nobody, failure=error.sqlstate or "unknown")


def _copy_more(
    connection: psycopg.Connection[Any], relation: Relation, class_of_row: str, kind: Whose
) -> None:
    """Copy rows of a kind that the first ones of a large table did not hold."""
    table = copy_name(relation)
    _run(
        connection,
        f"insert into {table} select (select max(v.n) from {table} as v) "  # noqa: S608
        f"+ row_number() over ()::integer, r.tableoid, r.ctid, row(r.*)::{relation.sql} "
        f"from {relation.sql} as r where {class_of_row} = {kind:d} limit {MOST_OF_A_KIND}",
    )


def _look(
    connection: psycopg.Connection[Any],
    relation: Relation,
    personas: Sequence[Persona],
    ownership: Ownership,
) -> tuple[dict[str, tuple[Whose, ...]], tuple[tuple[str, ...], ...]]:
    shapes = ", ".join(_shape(column) for column in relation.columns)
    classes = ", ".join(ownership.class_of_row(relation, persona) for persona in personas)
    found = _run(
        connection,
        f"select array[{shapes}]::text[], {classes} from {copy_name(relation)} as v "  # noqa: S608
        "cross join lateral (select (v.image).*) as r order by v.n",
    ).fetchall()
    whose = {
        persona.name: tuple(Whose(row[at]) for row in found)
        for at, persona in enumerate(personas, start=1)
    }
    return whose, tuple(tuple(row[0]) for row in found)


def _shape(column: Column) -> str:
    value = f"r.{quote(column.name)}"
    known = f"{value}::text" if column.labels or column.is_boolean else "'some'"
    return f"case when {value} is null then '' else {known} end"


def _run(connection: psycopg.Connection[Any], sql: str) -> psycopg.Cursor[Any]:
    return connection.execute(cast("Query", sql))
