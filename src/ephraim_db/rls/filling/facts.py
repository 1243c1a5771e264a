"""What a row must be like to be taken: the types of its columns, the checks and the unique keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import psycopg

from ephraim_db.rls.catalog import Relation


@dataclass(frozen=True, slots=True)
class Sort:
    """What a column takes, domains looked through.

    `base` is the name of the type below the domains, `category` and `kind` are pg_type's, `size`
    is what the type is limited to, -1 for not at all. `labels` are an enum's, or of its elements.
    """

    type: str
    base: str
    category: str
    kind: str
    element: str | None
    size: int
    required: bool
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """A check constraint, or a unique key, whose `definition` is empty."""

    name: str
    columns: tuple[str, ...]
    definition: str
    is_key: bool


@dataclass(frozen=True, slots=True)
class Facts:
    """By oid of the table: its columns by name, and its rules."""

    columns: dict[int, dict[str, Sort]]
    rules: dict[int, tuple[Rule, ...]]

    def keys(self, relation: Relation) -> tuple[Rule, ...]:
        """Return the unique keys of a table."""
        return tuple(rule for rule in self.rules.get(relation.oid, ()) if rule.is_key)


def prepare(connection: psycopg.Connection[Any]) -> None:
    """Make the functions that this stage asks, for this transaction."""
    sql = (files(__package__) / "facts.sql").read_text(encoding="utf-8")
    connection.execute(sql.encode())


def read_facts(connection: psycopg.Connection[Any], relations: Sequence[Relation]) -> Facts:
    """Read what rows of these tables must be like."""
    oids = [relation.oid for relation in relations]
    facts = Facts({oid: {} for oid in oids}, {})
    for row in connection.execute("select * from pg_temp.ephraim_columns(%s)", (oids,)):
        oid, name, type_, base, category, kind, element, size, required, labels = row
        facts.columns[oid][name] = Sort(
            type_, base, category, kind, element, size, required, tuple(labels)
        )
    for oid, name, columns, definition, is_key in connection.execute(
        "select * from pg_temp.ephraim_checks(%s)", (oids,)
    ):
        rule = Rule(name, tuple(columns), definition, is_key)
        facts.rules[oid] = (*facts.rules.get(oid, ()), rule)
    return facts
