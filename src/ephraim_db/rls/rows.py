"""The rows there are to probe with: numbered copies in temporary tables, each with its `Whose`.

public.notes --copy--> pg_temp.ephraim_rows_<oid> (n, part, place, image)
                        part and place are tableoid and ctid, to know a row again; image is the row

The copies never leave the database, so no value of a row passes through this process.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import zip_longest
from typing import Any, cast

import psycopg
from psycopg.abc import Query
from psycopg.sql import Literal

from ephraim_db.rls.catalog import Column, Relation, quote
from ephraim_db.rls.ownership import Ownership, Whose
from ephraim_db.rls.personas import Persona
from ephraim_db.rls.probes import MOST_SECONDS

MOST_ROWS = 1_000
"""Rows copied of one relation; a larger one is observed through these, and through"""
MOST_OF_A_KIND = 20
"""rows of each kind that is not among them."""

MOST_BLIND = 5_000
"""Rows of a relation that may be touched all at once; of a larger one, rows are named."""
MOST_EXAMPLES = 4


@dataclass(frozen=True)
class Rows:
    """The copied rows of a relation. `whose[persona][n - 1]` is whose row n is.

    `values[n - 1]` tells, column by column, which rows have the same value: a hash, None for null.
    `unlike[persona, kind]` are rows of that kind that differ in which values are null, or in an
    enum or boolean, and then some more. `total` counts the rows there are. `failure` says why they
    could not be read.
    """

    relation: Relation
    total: int
    whose: dict[str, tuple[Whose, ...]]
    values: tuple[tuple[int | None, ...], ...] = ()
    unlike: dict[tuple[str, Whose], tuple[int, ...]] = field(default_factory=dict)
    failure: str | None = None
    why_empty: str | None = None

    @cached_property
    def table(self) -> str:
        """Return the name of the temporary table, for SQL."""
        return copy_name(self.relation)

    @property
    def sample(self) -> int | None:
        """Return how many rows are copied, if that is not all of them."""
        return len(self.values) if self.total > MOST_ROWS else None

    @property
    def are_many(self) -> bool:
        """Return whether a statement that names no row would touch too many."""
        return self.total > MOST_BLIND

    def examples(self, persona: Persona, whose: Whose, column: str | None = None) -> list[int]:
        """Return the numbers of a few rows that are `whose`, as unlike each other as there are.

        First rows that differ in `column`, if one is given: all states of an enum, if it is one.
        """
        found = self.unlike.get((persona.name, whose), ())
        if column is None:
            return list(found[:MOST_EXAMPLES])
        at = self.relation.column_names.index(column)
        shown = _shown(self.relation.columns[at])
        first: dict[object, int] = {}
        for n in found:
            first.setdefault(shown(self.values[n - 1][at]), n)
        most = max(MOST_EXAMPLES, len(first))
        return list(dict.fromkeys((*first.values(), *found)))[:most]

    def kinds(self, persona: Persona) -> tuple[Whose, ...]:
        """Return the kinds of which there is a row, narrowest first."""
        return tuple(kind for kind in Whose if (persona.name, kind) in self.unlike)

    def differ(self, column: Column, n: int, other: int) -> bool:
        """Return whether `other` has a value in `column` that row n has not."""
        return self._differ(self.relation.column_names.index(column.name), n, other)

    def most_unlike(self, persona: Persona, n: int, columns: Sequence[Column]) -> list[int]:
        """Return rows that differ from row n in `columns`, the most different first."""
        known = self._known(persona)
        places = [self.relation.column_names.index(column.name) for column in columns]
        different = {m: sum(self._differ(at, n, m) for at in places) for m in known}
        return sorted((m for m in known if different[m]), key=lambda m: -different[m])

    def with_other_value(self, persona: Persona, column: Column, n: int) -> list[int]:
        """Return rows of which each has another value in `column`, of each kind first."""
        at = self.relation.column_names.index(column.name)
        values: dict[int | None, int] = {}
        for m in self._known(persona):
            if self._differ(at, n, m):
                values.setdefault(self.values[m - 1][at], m)
        return list(values.values())

    def _differ(self, at: int, n: int, other: int) -> bool:
        value = self.values[other - 1][at]
        return value is not None and value != self.values[n - 1][at]

    def _known(self, persona: Persona) -> list[int]:
        """Return the example rows of every kind, one of each kind in turn."""
        by_kind = [self.unlike[persona.name, kind] for kind in self.kinds(persona)]
        return [n for turn in zip_longest(*by_kind) for n in turn if n is not None]


SAVEPOINT = "ephraim_copy"
MOST_UNLIKE = 12
"""Rows of a kind that are looked at closely."""


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
    copy = (
        f"savepoint {SAVEPOINT};"
        f"create temp table {table.removeprefix('pg_temp.')} on commit drop as "
        f"select row_number() over ()::integer as n, {place}, ephraim_row as image "
        f"from {relation.sql} as ephraim_row limit {MOST_ROWS};"
        f"grant select on {table} to public;"
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
    table = copy_name(relation)
    _run(
        connection,
        f"insert into {table} select (select max(v.n) from {table} as v) "
        f"+ row_number() over ()::integer, r.tableoid, r.ctid, row(r.*)::{relation.sql} "
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
    people = ", ".join(
        f"({at}, {_text(persona.sub)}, {_texts(persona.organizations)})"
        for at, persona in enumerate(personas)
    )
    cursor = _run(
        connection,
        f"{first} select count(*) from {relation.sql};"
        f"select array[{hashes}]::integer[], array("
        f"select {ownership.class_for_each(relation)} "
        f"from (values {people}) as who (place, sub, organizations) order by who.place) "
        f"from {copy_name(relation)} as v cross join lateral (select (v.image).*) as r "
        "order by v.n",
    )
    results = [cursor.fetchall() for _ in cursor.results() if cursor.description]
    counted, found = results[-2:]
    whose = {
        persona.name: tuple(Whose(row[1][at]) for row in found)
        for at, persona in enumerate(personas)
    }
    values = tuple(tuple(row[0]) for row in found)
    return Rows(relation, counted[0][0], whose, values, _unlike(relation, whose, values))


def _unlike(
    relation: Relation,
    whose: dict[str, tuple[Whose, ...]],
    values: tuple[tuple[int | None, ...], ...],
) -> dict[tuple[str, Whose], tuple[int, ...]]:
    shown = [_shown(column) for column in relation.columns]
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


def _shown(column: Column) -> Callable[[int | None], object]:
    """Return what of a value makes a row unlike others."""
    if column.labels or column.is_boolean:
        return lambda value: value
    return lambda value: value is None


def _text(value: str | None) -> str:
    return "null::text" if value is None else f"{Literal(value).as_string(None)}::text"


def _texts(values: Sequence[str]) -> str:
    return f"array[{', '.join(map(_text, values))}]::text[]"


def _run(connection: psycopg.Connection[Any], sql: str) -> psycopg.Cursor[Any]:
    return connection.execute(cast("Query", sql))
