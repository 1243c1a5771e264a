"""What the database says there is: relations, columns, keys, and who was granted what.

connection --read_catalog--> Catalog (every relation of the user's schemas, joined by foreign keys)
           --read_privileges--> Privileges by (role, relation)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from typing import Any, Literal, LiteralString

import psycopg
from psycopg.rows import dict_row

Kind = Literal["table", "partitioned", "view", "materialized", "foreign", "function", "sequence"]


@cache
def quote(name: str) -> str:
    """Return `name` as a quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


GUARDED = (("storage", "buckets"), ("storage", "objects"), ("realtime", "messages"))
"""What Supabase's services read and write as the persona, held by policies of the project."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column; `written` says whether a value may be given for it at all.

    `is_unique`: it is in a unique key, by itself or with others.
    """

    name: str
    type: str
    required: bool
    has_default: bool
    written: bool
    labels: tuple[str, ...]
    is_boolean: bool
    is_unique: bool = False

    @property
    def all_labels(self) -> tuple[str, ...]:
        """Return every value there can be, if they are few: those of a flag or an enum."""
        return ("true", "false") if self.is_boolean else self.labels


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """`columns` of a relation point at `target_columns` of the relation with oid `target`.

    `inherited`: it is a partition's, by a foreign key of the partitioned table, and goes with that.
    """

    name: str
    columns: tuple[str, ...]
    target: int
    target_columns: tuple[str, ...]
    inherited: bool = False


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy; `command` may be ALL, and `roles`, members included, have public for everybody."""

    name: str
    command: str
    permissive: bool
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Trigger:
    """A trigger that fires, and the commands that it fires for."""

    name: str
    commands: tuple[str, ...]


@dataclass(frozen=True)
class Relation:
    """A table or view. `commands` are those its kind can take, whoever asks.

    `policies` is None where row security is off. `reads` are the oids of the relations that it is
    made of; `calls` those of the functions of its view or its triggers.
    `published` are the columns that Realtime sends to subscribers. `askers` are those that its
    policies compare with auth.uid().
    """

    oid: int
    schema: str
    name: str
    kind: Kind
    columns: tuple[Column, ...]
    primary_key: tuple[str, ...]
    foreign_keys: tuple[ForeignKey, ...]
    commands: frozenset[str]
    policies: tuple[Policy, ...] | None = None
    reads: tuple[int, ...] = ()
    calls: tuple[int, ...] = ()
    published: tuple[str, ...] = ()
    triggers: tuple[Trigger, ...] = ()
    askers: tuple[str, ...] = ()

    @cached_property
    def full_name(self) -> str:
        """Return schema.name, for people."""
        return f"{self.schema}.{self.name}"

    @cached_property
    def sql(self) -> str:
        """Return the quoted name, for SQL."""
        return f"{quote(self.schema)}.{quote(self.name)}"

    @cached_property
    def column_names(self) -> tuple[str, ...]:
        """Return the names of all columns in their order."""
        return tuple(column.name for column in self.columns)

    @property
    def has_places(self) -> bool:
        """Return whether a row has a ctid to know it again by."""
        return self.kind in ("table", "partitioned")


@dataclass(frozen=True, slots=True)
class Privileges:
    """What the catalog says a role was granted on a relation, its schema's usage included."""

    select: frozenset[str] = frozenset()
    insert: frozenset[str] = frozenset()
    update: frozenset[str] = frozenset()
    delete: bool = False
    whole_row: bool = False


@dataclass(frozen=True, slots=True)
class Catalog:
    """Every relation of the user's schemas, by oid."""

    relations: dict[int, Relation]

    def exposed(self, schemas: Sequence[str]) -> tuple[Relation, ...]:
        """Return the relations of the exposed `schemas`, by schema and name.

        And those of Supabase's own that the project has written policies for.
        """
        order = [*schemas, *(schema for schema, _ in GUARDED if schema not in schemas)]
        found = (
            r
            for r in self.relations.values()
            if r.schema in schemas or ((r.schema, r.name) in GUARDED and r.policies)
        )
        return tuple(sorted(found, key=lambda r: (order.index(r.schema), r.name)))

    def pointing_at(self, target: Relation) -> tuple[tuple[Relation, ForeignKey], ...]:
        """Return the foreign keys that point at a relation, each with the relation it is of."""
        return tuple(
            (relation, key)
            for relation in self.relations.values()
            for key in relation.foreign_keys
            if key.target == target.oid
        )

    def named(self, schema: str, name: str) -> Relation | None:
        """Return the relation of that name, if there is one."""
        return next(
            (r for r in self.relations.values() if (r.schema, r.name) == (schema, name)), None
        )


def read_sql(name: str) -> LiteralString:
    """Return a SQL file of this package."""
    return (files(__package__) / name).read_text(encoding="utf-8")


def read_catalog(connection: psycopg.Connection[Any]) -> Catalog:
    """Read every relation outside the system's schemas."""
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(read_sql("catalog.sql")).fetchall()
    return Catalog({row["oid"]: _relation(row) for row in rows})


def _relation(row: dict[str, Any]) -> Relation:
    columns = tuple(Column(**{**c, "labels": tuple(c["labels"])}) for c in row["columns"])
    foreign_keys = tuple(
        ForeignKey(
            k["name"],
            tuple(k["columns"]),
            k["target"],
            tuple(k["target_columns"]),
            k["inherited"],
        )
        for k in row["foreign_keys"]
    )
    return Relation(
        row["oid"],
        row["schema"],
        row["name"],
        row["kind"],
        columns,
        tuple(row["primary_key"]),
        foreign_keys,
        frozenset(row["commands"]),
        None if row["policies"] is None else tuple(_policy(p) for p in row["policies"]),
        tuple(row["reads"]),
        tuple(row["calls"]),
        tuple(row["published"]),
        tuple(Trigger(t["name"], tuple(t["commands"])) for t in row["triggers"]),
        tuple(row["askers"]),
    )


def _policy(row: dict[str, Any]) -> Policy:
    return Policy(row["name"], row["command"], row["permissive"], tuple(row["roles"]))


def read_privileges(
    connection: psycopg.Connection[Any], roles: Iterable[str], relations: Sequence[Relation]
) -> dict[tuple[str, int], Privileges]:
    """Ask the catalog, by (role, oid of the relation), what was granted."""
    connection.execute(read_sql("privileges.sql"))
    rows = connection.execute(
        "select * from pg_temp.ephraim_privileges(%s, %s)",
        (sorted(set(roles)), [relation.oid for relation in relations]),
    ).fetchall()
    return {
        (role, oid): Privileges(
            frozenset(select), frozenset(insert), frozenset(update), delete, whole_row
        )
        for role, oid, select, insert, update, delete, whole_row in rows
    }
