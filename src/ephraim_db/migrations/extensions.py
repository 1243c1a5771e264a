"""Statements about extensions, as a local platform takes them.

create extension        on Supabase it is available and not yet installed, so the plain form
                        succeeds; locally, role postgres could not install it, or there is only a
                        stand-in: it is there already, and must be found
using ivfflat with ...  options that only pgvector itself knows: the stand-in's index has none
"""

from __future__ import annotations

import re
from typing import Any

import psycopg
from psycopg.rows import tuple_row

from ephraim_db.migrations.statements import Statement
from ephraim_db.postgres.platform.extensions import MADE_READY

_CREATE = re.compile(r"create\s+extension\s+(?!if\b)", re.IGNORECASE)
_VECTORS = re.compile(r"create\s+index\b.*\busing\s+(ivfflat|hnsw)\b", re.IGNORECASE | re.DOTALL)
_OPTIONS = re.compile(r"\bwith\s*\(\s*(lists|m|ef_construction)\s*=[^()]*\)", re.IGNORECASE)
_NAME = re.compile(r'"([^"]+)"|([\w$]+)')


def extensions_made_ready(connection: psycopg.Connection[Any]) -> frozenset[str]:
    """Name the extensions that a local platform installed ahead; none on a real Supabase."""
    rows = connection.cursor(row_factory=tuple_row).execute(
        "select extname from pg_catalog.pg_extension"
        " where pg_catalog.obj_description(oid, 'pg_extension') = %s",
        [MADE_READY],
    )
    return frozenset(str(row[0]) for row in rows)


def as_sent(statement: Statement, ready: frozenset[str]) -> str:
    """Return the text to send for `statement`."""
    code = statement.text[statement.code :]
    if "vector" in ready and _VECTORS.match(code):
        return statement.text[: statement.code] + _OPTIONS.sub("", code)
    create = _CREATE.match(code)
    name = create and _NAME.match(code, create.end())
    if not create or not name or (name[1] or name[2].lower()) not in ready:
        return statement.text
    at = statement.code + create.end()
    return f"{statement.text[:at]}if not exists {statement.text[at:]}"
