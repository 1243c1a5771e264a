"""Put the guesses together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import psycopg

from ephraim_db.rls.catalog import Relation, read_catalog
from ephraim_db.rls.filling.people import is_made, made_user
from ephraim_db.rls.filling.vacancies import PLATFORM
from ephraim_db.rls.guessing.boundary import guess_boundary
from ephraim_db.rls.guessing.claims import claims_for
from ephraim_db.rls.guessing.people import find_members, name_members, name_users
from ephraim_db.rls.personas import Persona, Personas

_KNOWN = ["anon", "authenticated", "service_role"]
_ROLES = "select rolname from pg_catalog.pg_roles where rolname = any(%s)"


@dataclass(frozen=True, slots=True)
class Guess:
    """Personas, and what they were guessed from. `boundary_tables` have the boundary column."""

    personas: Personas
    boundary_tables: int

    @property
    def is_seeded(self) -> bool:
        """Return whether somebody of them is a user of the database."""
        subs = [persona.sub for persona in self.personas.everyone if persona.sub]
        return any(not is_made(sub) for sub in subs)

    def __str__(self) -> str:
        """Say what was guessed, in a line."""
        names = ", ".join(persona.name for persona in self.personas.everyone)
        boundary = self.personas.boundary
        where = f"{boundary} says whose row it is" if boundary else "rows only have owners"
        schemas = ", ".join(self.personas.schemas)
        whence = "users of the seed" if self.is_seeded else "no user is seeded: made for the run"
        return f"guessing, in {schemas}: {where}; acting as {names} ({whence})"


def guess(
    connection: psycopg.Connection[Any],
    schemas: Sequence[str],
    lasts: Callable[[str], bool] = lambda _id: True,
) -> Guess:
    """Look at a database and change nothing.

    Of `schemas`, those that hold tables are taken; if none does, all of the project's that do.
    Users and organizations are taken whose id `lasts`: it will be there again the next time.
    """
    catalog = read_catalog(connection)
    tables = [
        relation
        for relation in catalog.relations.values()
        if relation.has_places and relation.schema not in PLATFORM
    ]
    there = sorted({table.schema for table in tables})
    exposed = tuple(schema for schema in schemas if schema in there) or tuple(there)
    boundary = guess_boundary(catalog, tables)
    if boundary is None:
        somebody = name_users(connection, catalog, lasts)
    else:
        members = [
            member
            for member in find_members(connection, catalog, tables, boundary)
            if lasts(member.sub) and lasts(member.organization)
        ]
        somebody = tuple(
            replace(p, claims=claims_for(connection, boundary, p.organization or ""))
            for p in name_members(members, _base(boundary, tables))
        )
    roles = {str(row[0]) for row in connection.execute(_ROLES, (_KNOWN,))}
    everyone = (
        Persona("anonymous", "anon"),
        Persona("anonymous_sign_in", "authenticated", made_user(9), claims={"is_anonymous": True}),
        *somebody,
        Persona("service_role", "service_role"),
    )
    having = sum(boundary in table.column_names for table in tables)
    known = tuple(persona for persona in everyone if persona.role in roles)
    return Guess(Personas(exposed or tuple(schemas), boundary, known), having)


def _base(boundary: str, tables: Sequence[Relation]) -> str:
    types = [c.type for table in tables for c in table.columns if c.name == boundary]
    return {"uuid": "uuid", "integer": "int4", "bigint": "int8"}.get(types[0], "text")
