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

from ephraim_db.rls.catalog import Relation
from ephraim_db.rls.ownership import Ownership, Whose
from ephraim_db.rls.personas import Persona

MOST_ROWS = 1_000
"""Rows copied of one relation; a larger one is observed through these."""


@dataclass(frozen=True, slots=True)
class Rows:
    """The copied rows of a relation. `whose[persona][n - 1]` is whose row n is.

    `total` counts the rows there are. `failure` is the SQLSTATE if they could not be read.
    """

    relation: Relation
    total: int
    whose: dict[str, tuple[Whose, ...]]
    failure: str | None = None

    @property
    def table(self) -> str:
        """Return the name of the temporary table, for SQL."""
        return copy_name(self.relation)

    def numbers(self, persona: Persona, whose: Whose) -> list[int]:
        """Return the numbers of the rows that are `whose`, seen from the persona."""
        return [n for n, found in enumerate(self.whose[persona.name], start=1) if found is whose]

    def kinds(self, persona: Persona) -> tuple[Whose, ...]:
        """Return the kinds of which there is a row, narrowest first."""
        return tuple(sorted(set(self.whose[persona.name])))


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
    place = (
        "r.tableoid as part, r.ctid as place" if relation.has_places else "0 as part, 0 as place"
    )
    classes = ", ".join(ownership.class_of_row(relation, persona) for persona in personas)
    try:
        with connection.transaction():
            _run(
                connection,
                f"create temp table {table.removeprefix('pg_temp.')} on commit drop as "  # noqa: S608
                f"select row_number() over ()::integer as n, {place}, r as image "
                f"from {relation.sql} as r limit {MOST_ROWS}",
            )
            _run(connection, f"grant select on {table} to public")
            total = _run(connection, f"select count(*) from {relation.sql}").fetchone()  # noqa: S608
            found = _run(
                connection,
                f"select {classes} from {table} as v "  # noqa: S608
                "cross join lateral (select (v.image).*) as r order by v.n",
            ).fetchall()
    except psycopg.Error as error:
        return Rows(relation, 0, {p.name: () for p in personas}, error.sqlstate or "unknown")
    whose = {
        persona.name: tuple(Whose(row[at]) for row in found) for at, persona in enumerate(personas)
    }
    return Rows(relation, total[0] if total else 0, whose)


def _run(connection: psycopg.Connection[Any], sql: str) -> psycopg.Cursor[Any]:
    return connection.execute(cast("Query", sql))
