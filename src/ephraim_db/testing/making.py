"""Make people for a test: a user of auth.users, and rows that are theirs.

rows = {"public.members": {"role": "admin"}} --columns that name the user or the organization are
filled in--> insert into public.members (user_id, team_id, role)
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import methodcaller
from types import MappingProxyType
from typing import Any

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from ephraim_db.errors import EphraimError, InvalidInput
from ephraim_db.rls import Persona, Personas
from ephraim_db.rls.catalog import Catalog, Relation, quote, read_catalog
from ephraim_db.rls.ownership import Ownership

Row = Mapping[str, Any]
__tracebackhide__ = methodcaller("errisinstance", (EphraimError, psycopg.Error))

_MADE = "ec0e0000-0000-4000-8000-"
_EPOCH = "2026-01-01T00:00:00Z"


def made_sub(number: int) -> str:
    """Return the id of the n-th user that a test makes."""
    return f"{_MADE}{number:012x}"


@dataclass(slots=True)
class Maker:
    """Makes rows as the connection's role, for which RLS does not hold."""

    connection: psycopg.Connection[Any]
    catalog: Catalog
    personas: Personas
    _is_fresh: bool = field(default=False, init=False)

    def add_user(self, persona: Persona) -> None:
        """Add the persona to auth.users; where there is no such table, do nothing."""
        users = self.catalog.named("auth", "users")
        if users is None or persona.sub is None:
            return
        claims = persona.claims
        told = {
            "id": persona.sub,
            "instance_id": "00000000-0000-0000-0000-000000000000",
            "aud": "authenticated",
            "role": "authenticated",
            "email": claims.get("email", f"{persona.name}@example.test"),
            "raw_app_meta_data": {"provider": "email", "providers": ["email"]}
            | dict(claims.get("app_metadata", {})),
            "raw_user_meta_data": claims.get("user_metadata", {}),
            "is_anonymous": bool(claims.get("is_anonymous")),
            **dict.fromkeys(("email_confirmed_at", "created_at", "updated_at"), _EPOCH),
        }
        try:
            self._insert(users, {k: v for k, v in told.items() if k in users.column_names})
        except psycopg.Error as error:
            error.add_note(
                f"while {persona.name} was added to auth.users: what a trigger there wants, give "
                "as claims={'user_metadata': {...}}"
            )
            raise

    def add_row(self, name: str, values: Row, persona: Persona) -> dict[str, Any]:
        """Add a row of the persona's, or change the one a trigger made; return all of it."""
        relation = self.relation(name, values)
        told = self._whose(relation, persona) | dict(values)
        return self._insert(relation, told)

    def _whose(self, relation: Relation, persona: Persona) -> dict[str, Any]:
        ownership = Ownership(self.catalog, self.personas.boundary)
        found: dict[str, Any] = {}
        if persona.organization is not None:
            columns = ownership.organization_columns(relation)
            found |= dict.fromkeys(columns, persona.organization)
        if persona.sub is not None:
            found |= dict.fromkeys(ownership.owner_columns(relation), persona.sub)
        return found

    def _insert(self, relation: Relation, values: Row) -> dict[str, Any]:
        types = {column.name: column.type for column in relation.columns}
        columns = ", ".join(map(quote, values))
        if values:
            slots = ", ".join("%s" for _ in values)
            given = f"({columns}) values ({slots}) {_or_update(relation, values)}"
        else:
            given = "default values"
        statement = f"insert into {relation.sql} {given} returning *"
        parameters = [_adapted(value, types[name]) for name, value in values.items()]
        cursor = self.connection.cursor(row_factory=dict_row)
        return cursor.execute(statement.encode(), parameters).fetchone() or {}

    def relation(self, name: str, values: Row = MappingProxyType({})) -> Relation:
        """Return the table of that name, with columns for these values; in public, if it is bare.

        Raises InvalidInput, saying what may be meant.
        """
        schema, _, bare = name.rpartition(".")
        found = self.catalog.named(schema or "public", bare)
        if (
            found is None or not values.keys() <= {*found.column_names}
        ) and not self._is_fresh:  # the test may have changed it
            self.catalog, self._is_fresh = read_catalog(self.connection), True
            found = self.catalog.named(schema or "public", bare)
        if found is None:
            known = self.catalog.relations.values()
            names = [one.full_name for one in known if one.schema in self.personas.schemas]
            hint = similar(f"{schema or 'public'}.{bare}", names)
            raise InvalidInput("table", f"there is no table {name}{hint}")
        for column in values:
            if column not in found.column_names:
                hint = similar(column, found.column_names)
                raise InvalidInput("column", f"{found.full_name} has no column {column}{hint}")
        return found


def similar(name: str, names: Iterable[str]) -> str:
    """Return the end of a sentence about a name that is not there: what may be meant."""
    known = list(names)
    close = difflib.get_close_matches(name, known, 3) or sorted(known)[:12]
    return f"; there is {', '.join(close)}" if close else ""


def _or_update(relation: Relation, values: Row) -> str:
    key: Sequence[str] = relation.primary_key
    if not key or not {*key} <= values.keys():
        return ""
    others = [name for name in values if name not in key] or list(key)
    sets = ", ".join(f"{quote(name)} = excluded.{quote(name)}" for name in others)
    return f"on conflict ({', '.join(map(quote, key))}) do update set {sets}"


def _adapted(value: object, type_name: str) -> object:
    if type_name == "jsonb":
        return Jsonb(value)
    return json.dumps(value) if type_name == "json" else value
