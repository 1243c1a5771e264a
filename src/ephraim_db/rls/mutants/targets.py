"""What there is to break, as it was written: policies, triggers, functions, missing grants."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ephraim_db.rls.catalog import Catalog, Relation, quote
from ephraim_db.rls.functions import Functions
from ephraim_db.rls.personas import Personas


@dataclass(frozen=True, slots=True)
class PolicyText:
    """A policy as it was written; `roles` is empty for public, `calls` and `reads` are oids."""

    oid: int
    relation: int
    name: str
    command: str
    permissive: bool
    roles: tuple[str, ...]
    qual: str | None
    checked: str | None
    calls: tuple[int, ...]
    reads: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Trigger:
    """A trigger; `events` are the commands that fire it, in small letters."""

    relation: int
    name: str
    function: int
    function_name: str
    is_before: bool
    is_for_rows: bool
    events: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FunctionText:
    """The definition of a function, which creates it anew; `signature` names it for SQL.

    `is_public`: whoever there is may call it.
    """

    oid: int
    definition: str
    signature: str
    returns: str
    argument_types: tuple[str, ...]
    search_path: str | None
    is_public: bool


@dataclass(frozen=True, slots=True)
class Counter:
    """A sequence; `missing` are roles that may not use it, `would_have` could by default."""

    oid: int
    name: str
    missing: tuple[str, ...]
    would_have: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Missing:
    """What a role may not do to a relation; `revoked`: what the defaults would have let it."""

    relation: int
    role: str
    missing: tuple[str, ...]
    revoked: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Targets:
    """Everything that is broken in turn.

    `holders[relation, privilege]`: roles that have it and are held by RLS; `able` counts those
    that are not held as well, `updatable[relation, role]` the columns that one held may update,
    `cascaded[relation]` what foreign keys do to it by themselves. `may_create`: whether a
    persona's role may create anything in a schema.
    """

    personas: Personas
    catalog: Catalog
    functions: Functions
    exposed: tuple[Relation, ...]
    policies: tuple[PolicyText, ...]
    triggers: tuple[Trigger, ...]
    definitions: dict[int, FunctionText]
    missing: tuple[Missing, ...]
    sequences: tuple[Counter, ...]
    invoking_views: frozenset[int]
    holders: dict[tuple[int, str], frozenset[str]]
    able: dict[tuple[int, str], frozenset[str]]
    updatable: dict[tuple[int, str], frozenset[str]]
    cascaded: dict[int, frozenset[str]]
    may_create: bool
    members: dict[str, frozenset[str]]

    def named(self, schema: str | None, name: str) -> Relation | None:
        """Return the relation of that name; without a schema, one that is exposed."""
        if schema is not None:
            return self.catalog.named(schema, name)
        return next((r for r in self.exposed if r.name == name), None)

    def acting_as(self, roles: Iterable[str]) -> frozenset[str]:
        """Return the roles that a policy or grant to these holds for, members included."""
        wanted = tuple(roles)
        return frozenset().union(*(self.members.get(role, frozenset({role})) for role in wanted))

    @property
    def persona_roles(self) -> frozenset[str]:
        """Return the roles of the personas."""
        return frozenset(persona.role for persona in self.personas.everyone)


def on(policy: PolicyText, relation: Relation) -> str:
    """Return how SQL names a policy."""
    return f"{quote(policy.name)} on {relation.sql}"
