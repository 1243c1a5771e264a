"""Copy rows into temporary tables, numbered, and say whose each is.

public.notes --copy--> pg_temp.ephraim_rows_0 (relation, n, part, place, image_<oid>, ...)
                        part and place are tableoid and ctid, to know a row again; image is the row,
                        in a column of its own type for each relation

The copies never leave the database, so no value of a row passes through this process.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import psycopg
from psycopg.abc import Query
from psycopg.sql import Literal

from ephraim_db.rls.catalog import Relation, quote
from ephraim_db.rls.ownership import Ownership, Whose
from ephraim_db.rls.personas import Persona
from ephraim_db.rls.probes import MOST_SECONDS
from ephraim_db.rls.rows import MOST_ROWS, TABLES, Rows, copies_of, copy_table, what_shows

MOST_OF_A_KIND = 20
"""Rows copied of each kind that is not among the first MOST_ROWS."""
SAVEPOINT = "ephraim_copy"
MOST_UNLIKE = 12
"""Rows of a kind that are looked at closely."""


def make_tables(connection: psycopg.Connection[Any]) -> None:
    """Make the tables that rows are copied to, for this transaction."""
    for number in range(TABLES):
        name = f"ephraim_rows_{number}"
        _run(
            connection,
            f"create temp table {name} (relation oid, n integer, part oid, place tid) "
            f"on commit drop; create index on pg_temp.{name} (relation, n);"
            f"grant select on pg_temp.{name} to public",
        )
    _run(connection, f"savepoint {SAVEPOINT}")


def copy_rows(
    connection: psycopg.Connection[Any],
    relation: Relation,
    personas: Sequence[Persona],
    ownership: Ownership,
) -> Rows:
    """Copy a relation's rows and say whose they are, as the prober, within the transaction."""
    table, place = copy_table(relation), "tableoid, ctid" if relation.has_places else "null, null"
    copy = (
        f"release savepoint {SAVEPOINT}; savepoint {SAVEPOINT};"
        f"alter table {table} add column image_{relation.oid} {relation.sql};"
        f"insert into {table} (relation, n, part, place, image_{relation.oid}) "
        f"select {relation.oid}, row_number() over (), {place}, ephraim_row "
        f"from {relation.sql} as ephraim_row limit {MOST_ROWS};"
    )
    try:
        rows = _look(connection, relation, personas, ownership, copy)
        if relation.has_places and rows.total > MOST_ROWS:
            _run(connection, f"set local statement_timeout = '{4 * MOST_SECONDS}s'")
            for persona in personas:
                missing = set(ownership.kinds(relation, persona)) - set(rows.kinds(persona))
                for kind in sorted(missing):
                    _copy_more(
                        connection, relation, ownership.class_of_row(relation, persona), kind
                    )
            _run(connection, f"set local statement_timeout = '{MOST_SECONDS}s'")
            rows = _look(connection, relation, personas, ownership)
    except psycopg.Error as error:
        _run(connection, f"rollback to savepoint {SAVEPOINT}")
        rows = no_rows(relation, personas, error.sqlstate or "unknown")
    return rows


def no_rows(relation: Relation, personas: Sequence[Persona], failure: str | None = None) -> Rows:
    """Return that there is no row to probe with."""
    return Rows(relation, 0, {persona.name: () for persona in personas}, failure=failure)


def _copy_more(
    connection: psycopg.Connection[Any], relation: Relation, class_of_row: str, kind: Whose
) -> None:
    """Copy rows of a kind that the first ones of a large table did not hold."""
    _run(
        connection,
        f"insert into {copy_table(relation)} (relation, n, part, place, image_{relation.oid}) "
        f"select {relation.oid}, (select max(v.n) from {copies_of(relation)} as v) "
        f"+ row_number() over (), r.tableoid, r.ctid, row(r.*)::{relation.sql} "
        f"from {relation.sql} as r where {class_of_row} = {kind:d} limit {MOST_OF_A_KIND}",
    )


def _look(
    connection: psycopg.Connection[Any],
    relation: Relation,
    personas: Sequence[Persona],
    ownership: Ownership,
    first: str = "",
) -> Rows:
    hashes = ", ".join(f"hashtext(r.{quote(c.name)}::text)" for c in relation.columns)
    labels = [label for column in relation.columns for label in column.all_labels]
    people = ", ".join(
        f"({at}, {_text(persona.sub)}, {_texts(persona.organizations)})"
        for at, persona in enumerate(personas)
    )
    cursor = _run(
        connection,
        f"{first} select count(*), array(select hashtext(q.label) from unnest({_texts(labels)}) "
        f"as q (label)) from {relation.sql};"
        f"select array[{hashes}]::integer[], array("
        f"select {ownership.class_for_each(relation)} "
        f"from (values {people}) as who (place, sub, organizations) order by who.place) "
        f"from {copies_of(relation)} as v cross join lateral (select (v.image).*) as r "
        "order by v.n",
    )
    results = [cursor.fetchall() for _ in cursor.results() if cursor.description]
    counted, found = results[-2:]
    whose = {
        persona.name: tuple(Whose(row[1][at]) for row in found)
        for at, persona in enumerate(personas)
    }
    values = tuple(tuple(row[0]) for row in found)
    total, known = counted[0]
    return Rows(
        relation,
        total,
        whose,
        values,
        _unlike(relation, whose, values),
        hashes=dict(zip(labels, known, strict=True)),
    )


def _unlike(
    relation: Relation,
    whose: dict[str, tuple[Whose, ...]],
    values: tuple[tuple[int | None, ...], ...],
) -> dict[tuple[str, Whose], tuple[int, ...]]:
    shown = [what_shows(column) for column in relation.columns]
    shapes = [tuple(show(value) for show, value in zip(shown, row, strict=True)) for row in values]
    found: dict[tuple[str, Whose], tuple[int, ...]] = {}
    by_whose: dict[tuple[Whose, ...], dict[Whose, tuple[int, ...]]] = {}
    for name, of in whose.items():
        if of not in by_whose:
            by_whose[of] = {kind: _few(of, kind, shapes) for kind in set(of)}
        found |= {(name, kind): numbers for kind, numbers in by_whose[of].items()}
    return found


def _few(
    of: tuple[Whose, ...], kind: Whose, shapes: Sequence[tuple[object, ...]]
) -> tuple[int, ...]:
    numbers = [n for n, whose in enumerate(of, start=1) if whose is kind]
    unlike: dict[tuple[object, ...], int] = {}
    for n in numbers:
        unlike.setdefault(shapes[n - 1], n)
    return tuple(dict.fromkeys((*unlike.values(), *numbers[:MOST_UNLIKE])))[:MOST_UNLIKE]


def _text(value: str | None) -> str:
    return "null::text" if value is None else f"{Literal(value).as_string(None)}::text"


def _texts(values: Sequence[str]) -> str:
    return f"array[{', '.join(map(_text, values))}]::text[]"


def _run(connection: psycopg.Connection[Any], sql: str) -> psycopg.Cursor[Any]:
    return connection.execute(cast("Query", sql))
