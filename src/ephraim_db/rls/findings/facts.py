"""What the catalog says beyond relations: policies, functions, triggers, publications.

A rule uses it to choose what to try and what to suggest, never as the proof.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, LiteralString

import psycopg
from psycopg.rows import dict_row

from ephraim_db.rls.catalog import Relation
from ephraim_db.rls.functions import Function, Functions, read_functions


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
class Table:
    """More of a table: `publications` has the columns by the name of the publication."""

    oid: int
    secured: bool
    unique_keys: tuple[tuple[str, ...], ...]
    trigger_functions: tuple[int, ...]
    publications: dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class Facts:
    """All of it; tables by oid."""

    policies: tuple[Policy, ...]
    known: Functions
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

    @property
    def functions(self) -> Mapping[int, Function]:
        """Return the functions by oid."""
        return self.known.by_oid

    def called(self, oids: Iterable[int]) -> frozenset[int]:
        """Return these functions and those they call, as far as their text names them."""
        return self.known.called(oids)

    def looked_at(self, relation: int, relations: Iterable[Relation]) -> frozenset[int]:
        """Return the oids of what the policies of a relation read, themselves or by a function."""
        policies = [policy for policy in self.policies if policy.relation == relation]
        calls = self.called(oid for policy in policies for oid in policy.calls)
        named = self.named_in(calls, relations)
        return named.union(*(policy.reads for policy in policies))

    def named_in(self, functions: Iterable[int], relations: Iterable[Relation]) -> frozenset[int]:
        """Return the oids of the relations that the text of these functions names."""
        words: set[str] = set()
        for oid in functions:
            words |= self.known.words[oid]
        return frozenset(relation.oid for relation in relations if relation.name in words)


def read_facts(connection: psycopg.Connection[Any], roles: Iterable[str]) -> Facts:
    """Read it in three queries; `roles` are those of whom is asked what they may call."""
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
        read_functions(connection, roles),
        {table.oid: table for table in tables},
    )


def _rows(connection: psycopg.Connection[Any], name: str) -> Iterator[dict[str, Any]]:
    sql: LiteralString = (files(__package__) / name).read_text(encoding="utf-8")
    with connection.cursor(row_factory=dict_row) as cursor:
        yield from cursor.execute(sql).fetchall()
