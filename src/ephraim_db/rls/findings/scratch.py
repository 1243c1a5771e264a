"""Tables that proofs put rows into: made once for a whole search, and empty again after each try.

To make and drop one takes ten times as long as to put a row into it.
"""

from __future__ import annotations

from zlib import crc32

from ephraim_db.rls.catalog import Relation, quote
from ephraim_db.rls.findings.attempting import KEPT, Step

MOST_BYTES = 63
"""Of a name in Postgres, which cuts off what is more."""


def keep(name: str, columns: str, granted: str = "select") -> Step:
    """Return the step that makes a table, which everybody is granted."""
    return Step(
        f"{KEPT}{name} ({columns}) on commit drop; grant {granted} on pg_temp.{name} to public"
    )


def table_for(what: str, relation: Relation) -> str:
    """Return the name of a table for rows of a relation: pg_temp."others of public.notes"."""
    return f"pg_temp.{_name(what, relation)}"


def keep_for(what: str, relation: Relation, also: str = "") -> Step:
    """Return the step that makes `table_for` it, with the columns of the relation after `also`."""
    return keep(_name(what, relation), f"{also}like {relation.sql}")


def _name(what: str, relation: Relation) -> str:
    name = f"{what} of {relation.full_name}"
    if len(name.encode()) > MOST_BYTES:
        name = f"{what} of {crc32(relation.full_name.encode())}"
    return quote(name)
