"""Compare the rows somebody sees with those a condition tells of, past policies.

as the persona: select every row ----\\
as postgres: select rows where ... ---> seen outside of it, or none inside
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from operator import methodcaller
from typing import Any

import psycopg
from psycopg.rows import tuple_row

from ephraim_db.rls import Persona
from ephraim_db.rls.catalog import Relation, quote
from ephraim_db.testing.attempting import Acting

__tracebackhide__ = methodcaller("errisinstance", psycopg.Error)

MOST_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Seen:
    """How many rows: seen, seen though outside of the condition, inside, outside.

    `strays` are keys of the first rows that were seen though outside.
    """

    seen: int
    astray: int
    inside: int
    outside: int
    strays: tuple[str, ...]


def look(
    connection: psycopg.Connection[Any],
    acting: Acting,
    persona: Persona,
    relation: Relation,
    where: str,
) -> Seen:
    """Look at a relation as the persona, and past policies; nothing stays.

    The condition may name columns that the persona may not read, and speak of auth.uid().
    """
    rows = f"select to_jsonb(r)::text, {_key(relation)} from {relation.sql} as r"
    cursor = connection.cursor(row_factory=tuple_row)
    with connection.transaction(force_rollback=True):
        with acting(persona, past_policies=True):
            every = Counter(dict_keys(cursor.execute(rows.encode()).fetchall()))
            sql = f"{rows} where {where}"
            inside = Counter(dict_keys(cursor.execute(sql.encode()).fetchall()))
        # Which rows are seen is for policies to say; a row is known again by all of its columns.
        cursor.execute(f"grant select on {relation.sql} to {quote(persona.role)}".encode())
        with acting(persona):
            seen = Counter(dict_keys(cursor.execute(rows.encode()).fetchall()))
    astray = seen - inside
    return Seen(
        seen.total(),
        astray.total(),
        inside.total(),
        (every - inside).total(),
        tuple(key for _, key in list(astray)[:MOST_SHOWN]),
    )


def dict_keys(rows: list[tuple[Any, ...]]) -> list[tuple[str, str]]:
    """Return rows as what a Counter counts."""
    return [(str(row[0]), str(row[1])) for row in rows]


def _key(relation: Relation) -> str:
    if not relation.primary_key:
        return "'a row without a key'"
    parts = (f"'{name} = ' || r.{quote(name)}::text" for name in relation.primary_key)
    return " || ', ' || ".join(parts)
