"""What functions there are, who may call them, and which of them reach outside the database."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import psycopg
from psycopg.rows import dict_row

from ephraim_db.rls.catalog import quote, read_sql

AT_ONCE = re.compile(
    r"(?<!net\.)\bhttp(_\w+)?\s*\(|\bdblink|\bpg_(read|ls|stat)_\w*file|\blo_(im|ex)port|"
    r"\bpg_(terminate|cancel)_backend|\bpg_(read|write)_|"
    r"\bcopy\s[^;]*\b(program|from\s+'|to\s+')",
    re.IGNORECASE | re.DOTALL,
)
"""What reaches outside the database while the transaction is still open."""
LATER = re.compile(r"\bnet\.|\bcron\.|\bsupabase_functions\.|\bpg_sleep", re.IGNORECASE)
"""What waits for the commit, and so never comes here; and what only wastes time."""

STUBBORN = re.compile(r"\bquery_canceled\b|\b57014\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Function:
    """A function; `volatility` is i, s or v. `source` is its body, empty if it is no text.

    `executors` are the roles asked about that may call it. `is_trusted`: its language has no way
    out of the database by itself. `returned_relation`: whose rows it returns, 0 if none's.
    """

    oid: int
    schema: str
    name: str
    arguments: str
    definer: bool
    volatility: str
    is_trigger: bool
    returns_set: bool
    returns: str
    source: str
    argument_types: tuple[str, ...]
    argument_names: tuple[str, ...]
    is_variadic: bool
    is_trusted: bool
    returned_relation: int
    executors: frozenset[str]

    @property
    def full_name(self) -> str:
        """Return schema.name(arguments), for people."""
        return f"{self.schema}.{self.name}({', '.join(self.argument_types)})"

    @property
    def sql(self) -> str:
        """Return the quoted name, for SQL."""
        return f"{quote(self.schema)}.{quote(self.name)}"

    @property
    def way_out(self) -> str | None:
        """Return what in its own text reaches outside the database, now or after a commit."""
        found = AT_ONCE.search(self.source) or LATER.search(self.source)
        return found[0].strip().rstrip("(") if found else self.way_out_at_once

    @property
    def way_out_at_once(self) -> str | None:
        """Return what in its own text reaches outside before anything is committed."""
        if not self.is_trusted:
            return "a language that is not trusted"
        found = AT_ONCE.search(self.source)
        return found[0].strip().rstrip("(") if found else None


@dataclass(frozen=True)
class Functions:
    """All functions of the user's schemas."""

    by_oid: Mapping[int, Function]

    def called(self, oids: Iterable[int]) -> frozenset[int]:
        """Return these functions and those they call, as far as their text names them."""
        return frozenset[int]().union(*(self._reached_from(oid) for oid in oids))

    def way_out(self, oids: Iterable[int], *, at_once: bool = False) -> str | None:
        """Return what reaches outside in these functions, or in those that they call."""
        ways = self._ways_out_at_once if at_once else self._ways_out
        return next((ways[oid] for oid in sorted(self.called(oids)) if oid in ways), None)

    def is_stubborn(self, oids: Iterable[int]) -> bool:
        """Return whether these functions, or those that they call, may go on after a timeout."""
        return any(STUBBORN.search(self.by_oid[oid].source) for oid in self.called(oids))

    def _reached_from(self, oid: int) -> frozenset[int]:
        if oid not in self._reached:
            found: set[int] = set()
            todo = [oid]
            while todo:
                at = todo.pop()
                if at not in found and at in self.by_oid:
                    found.add(at)
                    todo += self._named[at]
            self._reached[oid] = frozenset(found)
        return self._reached[oid]

    @cached_property
    def _reached(self) -> dict[int, frozenset[int]]:
        return {}

    @cached_property
    def _named(self) -> dict[int, tuple[int, ...]]:
        """Return which functions the text of each names."""
        return {
            oid: tuple(o for name in words & self._by_name.keys() for o in self._by_name[name])
            for oid, words in self.words.items()
        }

    @cached_property
    def _ways_out(self) -> dict[int, str]:
        return {oid: way for oid, one in self.by_oid.items() if (way := one.way_out)}

    @cached_property
    def _ways_out_at_once(self) -> dict[int, str]:
        return {oid: way for oid, one in self.by_oid.items() if (way := one.way_out_at_once)}

    @cached_property
    def words(self) -> dict[int, frozenset[str]]:
        """Return the words in the text of each."""
        return {
            oid: frozenset(re.findall(r"\w+", function.source))
            for oid, function in self.by_oid.items()
        }

    @cached_property
    def _by_name(self) -> dict[str, list[int]]:
        by_name: dict[str, list[int]] = {}
        for oid, function in self.by_oid.items():
            by_name.setdefault(function.name, []).append(oid)
        return by_name


def read_functions(connection: psycopg.Connection[Any], roles: Iterable[str]) -> Functions:
    """Read every function outside the system's schemas; `roles` are asked what they may call."""
    connection.execute(
        "select set_config('ephraim.roles', %s, true)", (json.dumps(sorted(set(roles))),)
    )
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(read_sql("functions.sql")).fetchall()
    return Functions({row["oid"]: _function(row) for row in rows})


def _function(row: dict[str, Any]) -> Function:
    return Function(
        **{
            **row,
            "argument_types": tuple(row["argument_types"]),
            "argument_names": tuple(row["argument_names"]),
            "executors": frozenset(row["executors"]),
        }
    )
