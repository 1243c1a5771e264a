"""Who is asked: the personas of supabase/rls.toml.

schemas = ["public"]                # the schemas the API exposes
boundary = "organization_id"        # the column that says whose row it is (optional)

[personas.worker]
role = "authenticated"              # the Postgres role
sub = "..."                         # auth.users.id, the claim auth.uid() reads (optional)
organization = "..."                # its value of the boundary column, or a list (optional)
claims = { is_anonymous = true }    # further claims (optional)

secrets = ["organizations.api_key"] # columns nobody who signs in should read (optional)
[[suppressions]]                    # findings that are accepted: suppressions.py (optional)
[[unnoticed]]                       # mutants that nothing needs to notice: unnoticed.py (optional)
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ephraim_db.errors import InvalidPersonas
from ephraim_db.rls.suppressions import Suppression, read_suppressions
from ephraim_db.rls.unnoticed import Unnoticed, read_unnoticed
from ephraim_db.toml import read_toml


@dataclass(frozen=True, slots=True)
class Persona:
    """A named identity to act as. `sub` and `organization` are compared as text.

    `also_of` are further organizations that it is a member of.
    """

    name: str
    role: str
    sub: str | None = None
    organization: str | None = None
    claims: Mapping[str, Any] = field(default_factory=dict)
    also_of: tuple[str, ...] = ()

    @property
    def organizations(self) -> tuple[str, ...]:
        """Return every organization it is a member of."""
        return (self.organization, *self.also_of) if self.organization is not None else ()

    @property
    def jwt_claims(self) -> str:
        """Return the JSON that PostgREST would put into request.jwt.claims."""
        subject = {"sub": self.sub} if self.sub else {}
        return json.dumps({"role": self.role, **subject, **self.claims}, default=str)


@dataclass(frozen=True, slots=True)
class Personas:
    """What rls.toml says."""

    schemas: tuple[str, ...]
    boundary: str | None
    everyone: tuple[Persona, ...]
    secrets: tuple[str, ...] = ()
    suppressions: tuple[Suppression, ...] = ()
    unnoticed: tuple[Unnoticed, ...] = ()

    def __getitem__(self, name: str) -> Persona:
        """Return the persona of that name; KeyError if there is none."""
        for persona in self.everyone:
            if persona.name == name:
                return persona
        raise KeyError(name)


def read_personas(path: Path) -> Personas:
    """Read `path`, an rls.toml.

    Raises InvalidPersonas naming the file, the key and what to write there.
    """
    try:
        document = read_toml(path)
    except FileNotFoundError as missing:
        raise InvalidPersonas(
            path,
            "",
            "there is no such file: `ephraim-db rls init` writes one, or write one with a "
            "[personas.<name>] table for each",
        ) from missing
    except ValueError as broken:
        raise InvalidPersonas(path, "", str(broken)) from broken

    reader = _Reader(path)
    reader.refuse_unknown(
        document,
        "",
        {"schemas", "boundary", "personas", "secrets", "suppressions", "unnoticed"},
    )
    schemas = reader.texts(document, "schemas", ["public"], 'schema names: ["public"]')
    if not schemas:
        raise InvalidPersonas(path, "schemas", 'takes a list of schema names: ["public"]')
    tables = document.get("personas")
    if not (isinstance(tables, dict) and tables):
        raise InvalidPersonas(
            path, "personas", "names nobody: write at least one [personas.<name>]"
        )
    return Personas(
        schemas,
        reader.text(document, "boundary", ""),
        tuple(reader.persona(name, table) for name, table in tables.items()),
        reader.texts(document, "secrets", [], 'columns: ["organizations.api_key"]'),
        read_suppressions(path, document.get("suppressions", [])),
        read_unnoticed(path, document.get("unnoticed", [])),
    )


@dataclass(frozen=True, slots=True)
class _Reader:
    path: Path

    def persona(self, name: str, table: object) -> Persona:
        key = f"personas.{name}"
        if not (name and name.isprintable()):
            raise InvalidPersonas(
                self.path, f"personas.{name!r}", "is no name: write one that prints, on one line"
            )
        if not isinstance(table, dict):
            raise InvalidPersonas(self.path, key, f"is not a table: write [{key}]")
        self.refuse_unknown(table, f"{key}.", {"role", "sub", "organization", "claims"})
        role = self.text(table, "role", f"{key}.")
        if role is None:
            raise InvalidPersonas(
                self.path, f"{key}.role", "is missing: write the Postgres role, such as anon"
            )
        claims = table.get("claims", {})
        if not isinstance(claims, dict):
            raise InvalidPersonas(
                self.path, f"{key}.claims", "takes a table: { is_anonymous = true }"
            )
        try:
            json.dumps(claims, default=str, allow_nan=False)
        except ValueError:
            raise InvalidPersonas(
                self.path, f"{key}.claims", "takes what JSON holds, which is no nan and no inf"
            ) from None
        homes = self.organizations(table, f"{key}.")
        sub = self.text(table, "sub", f"{key}.")
        return Persona(name, role, sub, homes[0] if homes else None, claims, homes[1:])

    def organizations(self, table: dict[str, Any], prefix: str) -> tuple[str, ...]:
        values = table.get("organization")
        listed = values if isinstance(values, list) else [values]
        told = [self.text({"organization": value}, "organization", prefix) for value in listed]
        return tuple(dict.fromkeys(value for value in told if value is not None))

    def text(self, table: dict[str, Any], key: str, prefix: str) -> str | None:
        value = table.get(key)
        if value is None or (isinstance(value, str) and value):
            return value
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        raise InvalidPersonas(self.path, f"{prefix}{key}", "takes a text that is not empty")

    def texts(
        self, table: dict[str, Any], key: str, otherwise: list[str], what: str
    ) -> tuple[str, ...]:
        values = table.get(key, otherwise)
        if not (isinstance(values, list) and all(isinstance(v, str) and v for v in values)):
            raise InvalidPersonas(self.path, key, f"takes a list of {what}")
        return tuple(values)

    def refuse_unknown(self, table: dict[str, Any], prefix: str, known: set[str]) -> None:
        for key in table:
            if key not in known:
                raise InvalidPersonas(
                    self.path,
                    f"{prefix}{key}",
                    f"is not known here: use {', '.join(sorted(known))}",
                )
