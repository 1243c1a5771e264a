"""Plausible arguments to call a function with, out of rows of one kind.

user_id, p_owner, ...            a user           team_id, _team           an organization
a name that a column has too     its value        note_id, uuid            the key of a row
anything else                    a plain value of its type
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from psycopg.sql import Literal

from ephraim_db.rls.catalog import quote
from ephraim_db.rls.functions import Function
from ephraim_db.rls.ownership import OWNER_NAMES, Ownership, Whose
from ephraim_db.rls.personas import Persona
from ephraim_db.rls.rows import Rows

PREFIX = re.compile(r"^(p|in|v|arg|input|param|target|new|i)?_+")
PLAIN = {
    "boolean": "true",
    "json": "'{}'",
    "jsonb": "'{}'",
    "integer": "1",
    "bigint": "1",
    "smallint": "1",
    "numeric": "1",
    "real": "1",
    "double precision": "1",
    "text": "'text'",
    "character varying": "'text'",
    "date": "current_date",
    "timestamp with time zone": "now()",
    "timestamp without time zone": "now()",
    "interval": "'1 day'",
}
TIMES = ("date", "timestamp with time zone", "timestamp without time zone")
LONG_AGO = re.compile(r"since|from|start|begin|after|earliest", re.IGNORECASE)
LATER_ON = re.compile(r"until|to|end|before|latest", re.IGNORECASE)


@dataclass(frozen=True)
class Sources:
    """The tables that were copied, as one function's arguments are taken out of them."""

    function: Function
    copied: Sequence[Rows]
    _columns: dict[tuple[str, str], tuple[tuple[Rows, str], ...]] = field(default_factory=dict)

    @cached_property
    def likely(self) -> list[Rows]:
        """Return them, those first that the function's text names."""
        return sorted(self.copied, key=lambda rows: not self._is_named(rows))

    def columns(self, name: str, kind: str) -> tuple[tuple[Rows, str], ...]:
        """Return the columns that a parameter of that name and type may mean, likely ones first."""
        if (name, kind) not in self._columns:
            self._columns[name, kind] = tuple(self._meant(name, kind))
        return self._columns[name, kind]

    def _meant(self, name: str, kind: str) -> Iterator[tuple[Rows, str]]:
        for rows in self.likely:
            if any((c.name, c.type) == (name, kind) for c in rows.relation.columns):
                yield rows, name
        stem = name.removesuffix("_id").removesuffix("_uuid")
        for rows in self.likely:
            key = rows.relation.primary_key
            types = {c.type for c in rows.relation.columns if (c.name,) == key}
            if kind in types and (stem in rows.relation.name or self._is_named(rows)):
                yield rows, key[0]

    def _is_named(self, rows: Rows) -> bool:
        return rows.relation.name in self.function.source


@dataclass(frozen=True, slots=True)
class Arguments:
    """Values for one function, as one persona, out of the rows that were copied."""

    function: Function
    persona: Persona
    boundary: str | None
    ownership: Ownership
    sources: Sources

    def of(self, whose: Whose) -> tuple[str, ...]:
        """Return an SQL expression for each parameter."""
        names = (*self.function.argument_names, *("" for _ in self.function.argument_types))
        return tuple(
            f"({next(self._values(PREFIX.sub('', name.lower()), kind, whose))})::{kind}"
            for name, kind in zip(names, self.function.argument_types, strict=False)
        )

    def _values(self, name: str, kind: str, whose: Whose) -> Iterator[str]:
        if self._names_user(name):
            yield from self._users(whose)
        if self.boundary and name in (self.boundary, self.boundary.removesuffix("_id")):
            yield from self._organizations(whose)
        for rows, column in self.sources.columns(name, kind):
            yield from self._out_of(rows, column, whose)
        if kind in TIMES and LONG_AGO.search(name):
            yield "'1970-01-01'"
        if kind in TIMES and LATER_ON.search(name):
            yield "'2100-01-01'"
        if kind == "text" and "zone" in name:
            yield "'UTC'"
        yield PLAIN.get(kind, "null")

    def _users(self, whose: Whose) -> Iterator[str]:
        if whose is Whose.OWN and self.persona.sub:
            yield Literal(self.persona.sub).as_string(None)
        for rows in self.sources.likely:
            for column in self.ownership.owner_columns(rows.relation):
                yield from self._out_of(rows, column, whose)

    def _organizations(self, whose: Whose) -> Iterator[str]:
        if whose is not Whose.OTHER and self.persona.organization:
            yield Literal(self.persona.organization).as_string(None)
        for rows in self.sources.likely:
            for column in self.ownership.organization_columns(rows.relation):
                yield from self._out_of(rows, column, whose)

    def _out_of(self, rows: Rows, column: str, whose: Whose) -> Iterator[str]:
        at = rows.relation.column_names.index(column)
        for n in rows.examples(self.persona, whose):
            if rows.values[n - 1][at] is not None:
                yield f"select (v.image).{quote(column)} from {rows.table} as v where v.n = {n}"

    def _names_user(self, name: str) -> bool:
        return name in OWNER_NAMES or name.removesuffix("_id") in ("user", "auth_user", "member")
