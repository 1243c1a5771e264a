"""What the catalog says beyond relations: policies, functions, triggers, publications.

A rule uses it to choose what to try and what to suggest, never as the proof.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from typing import Any, LiteralString

import psycopg
from psycopg.rows import dict_row

from ephraim_db.rls.catalog import Relation, quote


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy; `reads` and `calls` are the oids of the relations and functions it names."""

    relation: int
    name: str
    command: str
    permissive: bool
    roles: tuple[str, ...]
    condition: str
    check_condition: str
    reads: frozenset[int]
    calls: frozenset[int]


@dataclass(frozen=True, slots=True)
class Function:
    """A function; `volatility` is i, s or v. `source` is its body, empty if it is no text.

    `executors` are the roles asked about that may call it.
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
    readable: bool
    executors: frozenset[str]

    @property
    def full_name(self) -> str:
        """Return schema.name(arguments), for people."""
        return f"{self.schema}.{self.name}({', '.join(self.argument_types)})"

    @property
    def sql(self) -> str:
        """Return the quoted name, for SQL."""
        return f"{quote(self.schema)}.{quote(self.name)}"


@dataclass(frozen=True, slots=True)
class Table:
    """More of a table: `publications` has the columns by the name of the publication."""

    oid: int
    secured: bool
    unique_keys: tuple[tuple[str, ...], ...]
    trigger_functions: tuple[int, ...]
    publications: dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class Facts:
    """All of it; functions and tables by oid."""

    policies: tuple[Policy, ...]
    functions: dict[int, Function]
    tables: dict[int, Table]

    def deciding(self, relation: Relation, command: str, role: str) -> tuple[Policy, ...]:
        """Return the permissive policies that a command of this role may pass through."""
        return tuple(
            policy
            for policy in self.policies
            if policy.relation == relation.oid
            and policy.permissive
            and policy.command in (command, "ALL")
            and (role in policy.roles or "public" in policy.roles)
        )

    def called(self, oids: Iterable[int]) -> frozenset[int]:
        """Return these functions and those they call, as far as their text names them."""
        found: set[int] = set()
        todo = list(oids)
        while todo:
            oid = todo.pop()
            if oid in found or oid not in self.functions:
                continue
            found.add(oid)
            words = self._words[oid]
            todo += [
                other for name, others in self._by_name.items() if name in words for other in others
            ]
        return frozenset(found)

    def named_in(self, functions: Iterable[int], relations: Iterable[Relation]) -> frozenset[int]:
        """Return the oids of the relations that the text of these functions names."""
        words: set[str] = set()
        for oid in functions:
            words |= self._words[oid]
        return frozenset(relation.oid for relation in relations if relation.name in words)

    @cached_property
    def _words(self) -> dict[int, frozenset[str]]:
        return {
            oid: frozenset(re.findall(r"\w+", function.source))
            for oid, function in self.functions.items()
        }

    @cached_property
    def _by_name(self) -> dict[str, list[int]]:
        by_name: dict[str, list[int]] = {}
        for oid, function in self.functions.items():
            by_name.setdefault(function.name, []).append(oid)
        return by_name


def read_facts(connection: psycopg.Connection[Any], roles: Iterable[str]) -> Facts:
    """Read it in three queries; `roles` are those of whom is asked what they may call."""
    connection.execute(
        "select set_config('ephraim.roles', %s, true)", (json.dumps(sorted(set(roles))),)
    )
    policies = (
        Policy(
            **{
                **row,
                "roles": tuple(row["roles"]),
                "reads": frozenset(row["reads"]),
                "calls": frozenset(row["calls"]),
            }
        )
        for row in _rows(connection, "policies.sql")
    )
    functions = (
        Function(
            **{
                **row,
                "argument_types": tuple(row["argument_types"]),
                "argument_names": tuple(row["argument_names"]),
                "executors": frozenset(row["executors"]),
            }
        )
        for row in _rows(connection, "functions.sql")
    )
    tables = (
        Table(
            row["oid"],
            row["secured"],
            tuple(tuple(key) for key in row["unique_keys"]),
            tuple(row["trigger_functions"]),
            {name: tuple(columns) for name, columns in row["publications"].items()},
        )
        for row in _rows(connection, "tables.sql")
    )
    return Facts(
        tuple(policies),
        {function.oid: function for function in functions},
        {table.oid: table for table in tables},
    )


def _rows(connection: psycopg.Connection[Any], name: str) -> Iterator[dict[str, Any]]:
    sql: LiteralString = (files(__package__) / name).read_text(encoding="utf-8")
    with connection.cursor(row_factory=dict_row) as cursor:
        yield from cursor.execute(sql).fetchall()
