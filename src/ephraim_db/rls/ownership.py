"""Whose row it is: own, the organization's, or another's, found by following foreign keys.

messages.participant_id -> participants.profile_id -> profiles.id -> auth.users.id
         own: the shortest way that ends at a user        organization: the boundary column,
         (a longer one would call too much one's own)     or the shortest way that ends at one
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import IntEnum

from psycopg.sql import Literal

from ephraim_db.rls.catalog import Catalog, ForeignKey, Relation, quote
from ephraim_db.rls.personas import Persona

OWNER_NAMES = frozenset(
    {"user_id", "owner_id", "owner", "profile_id", "author_id", "created_by", "uid"}
)
"""Columns taken to name a user where no foreign key says so."""


class Whose(IntEnum):
    """Whose a row is, seen from one persona; the numbers are what the SQL returns."""

    OWN = 1
    ORGANIZATION = 2
    OTHER = 3


Goal = Callable[[Relation], tuple[str, ...]]
"""Which columns of a relation tell whose a row is, without going further."""


class Ownership:
    """Conditions over a row `r`, for the relations of one catalog."""

    def __init__(self, catalog: Catalog, boundary: str | None) -> None:
        """Find the boundary table and every column that names a user."""
        self._catalog = catalog
        self._boundary = boundary
        self._boundary_keys = {
            (key.target, key.target_columns[0])
            for relation in catalog.relations.values()
            for key in relation.foreign_keys
            if key.columns == (boundary,)
        }
        users = catalog.named("auth", "users")
        self._user_columns = {
            (relation.oid, column)
            for relation in catalog.relations.values()
            for column in relation.askers
            if relation.primary_key == (column,)  # a profile, though no foreign key says so
        } | ({(users.oid, "id")} if users else set())
        self._spread_user_columns()

    def class_of_row(self, relation: Relation, persona: Persona) -> str:
        """Return an SQL expression over `r` that is a `Whose`, as an integer."""
        return _class(self.own(relation, persona), self.organization(relation, persona))

    def class_for_each(self, relation: Relation) -> str:
        """Return the same for each persona of a relation `who` (sub, organizations)."""
        return _class(
            self._own(relation, "= who.sub"), self._of(relation, "= any (who.organizations)")
        )

    def kinds(self, relation: Relation, persona: Persona) -> tuple[Whose, ...]:
        """Return the kinds of rows that there can be, narrowest first."""
        own = (Whose.OWN,) if self.own(relation, persona) else ()
        organization = (Whose.ORGANIZATION,) if self.organization(relation, persona) else ()
        return (*own, *organization, Whose.OTHER)

    def telling_columns(self, relation: Relation) -> frozenset[str]:
        """Return the columns that may decide whose a row is."""
        keys = (column for key in relation.foreign_keys for column in key.columns)
        return frozenset(
            {
                *keys,
                *self._names_user(relation),
                *self._seems_to_name_user(relation),
                *self._names_organization(relation),
            }
        )

    def organization_columns(self, relation: Relation) -> tuple[str, ...]:
        """Return the columns that name the organization in the row itself."""
        return self._names_organization(relation)

    def owner_columns(self, relation: Relation) -> tuple[str, ...]:
        """Return the columns that name a user in the row itself."""
        return self._names_user(relation) or self._seems_to_name_user(relation)

    def own(self, relation: Relation, persona: Persona) -> str | None:
        """Return the condition that a row is the persona's own, if there can be such rows."""
        return (
            self._own(relation, f"= {_literal(persona.sub)}") if persona.sub is not None else None
        )

    def organization(self, relation: Relation, persona: Persona) -> str | None:
        """Return the condition that a row is the organization's, if there can be such rows."""
        return (
            self._of(relation, is_one_of(persona.organizations)) if persona.organization else None
        )

    def has_owner(self, relation: Relation) -> str | None:
        """Return the condition that a row is anybody's own, if there can be such rows."""
        return self._own(relation, "is not null")

    def has_organization(self, relation: Relation) -> str | None:
        """Return the condition that a row is any organization's, if there can be such rows."""
        return self._of(relation, "is not null")

    def _own(self, relation: Relation, test: str) -> str | None:
        return self._condition(relation, self._names_user, test) or self._condition(
            relation, self._seems_to_name_user, test
        )

    def _of(self, relation: Relation, test: str) -> str | None:
        if self._boundary is None:
            return None
        return self._condition(relation, self._names_organization, test)

    def _spread_user_columns(self) -> None:
        grown = True
        while grown:
            found = {
                (relation.oid, column)
                for relation in self._catalog.relations.values()
                for key in relation.foreign_keys
                for column, target in zip(key.columns, key.target_columns, strict=True)
                if (key.target, target) in self._user_columns
            }
            grown = not found <= self._user_columns
            self._user_columns |= found

    def _names_user(self, relation: Relation) -> tuple[str, ...]:
        return tuple(c for c in relation.column_names if (relation.oid, c) in self._user_columns)

    def _seems_to_name_user(self, relation: Relation) -> tuple[str, ...]:
        return tuple(c for c in relation.column_names if c in OWNER_NAMES)

    def _names_organization(self, relation: Relation) -> tuple[str, ...]:
        keys = tuple(c for c in relation.column_names if (relation.oid, c) in self._boundary_keys)
        return keys or tuple(c for c in relation.column_names if c == self._boundary)

    def _condition(self, relation: Relation, goal: Goal, test: str) -> str | None:
        ways: list[tuple[Relation, tuple[ForeignKey, ...]]] = [(relation, ())]
        seen = {relation.oid}
        while ways:
            conditions = [
                self._along(way, f"{quote(column)}::text {test}")
                for end, way in ways
                for column in goal(end)
            ]
            if conditions:
                return f"({' or '.join(conditions)})"
            ways = [
                (self._catalog.relations[key.target], (*way, key))
                for end, way in ways
                for key in end.foreign_keys
                if key.target in self._catalog.relations
                and key.target not in seen
                and not (goal == self._names_user and self._crosses_boundary(key))
            ]
            seen |= {end.oid for end, _ in ways}
        return None

    def _crosses_boundary(self, key: ForeignKey) -> bool:
        return any((key.target, column) in self._boundary_keys for column in key.target_columns)

    def _along(self, way: tuple[ForeignKey, ...], test: str) -> str:
        condition = f"t{len(way)}.{test}" if way else f"r.{test}"
        for step in range(len(way), 0, -1):
            key = way[step - 1]
            before = f"t{step - 1}" if step > 1 else "r"
            joined = " and ".join(
                f"t{step}.{quote(target)} = {before}.{quote(column)}"
                for column, target in zip(key.columns, key.target_columns, strict=True)
            )
            target = self._catalog.relations[key.target].sql
            condition = f"exists (select from {target} as t{step} where {joined} and {condition})"
        return condition


def _class(own: str | None, organization: str | None) -> str:
    return (
        f"(case when {own or 'false'} then {Whose.OWN:d} "
        f"when {organization or 'false'} then {Whose.ORGANIZATION:d} else {Whose.OTHER:d} end)"
    )


def is_one_of(values: Sequence[str]) -> str:
    """Return the end of a condition that a text is one of these."""
    one, *more = map(_literal, values)
    return f"in ({', '.join((one, *more))})" if more else f"= {one}"


def _literal(value: str) -> str:
    return Literal(value).as_string(None)
