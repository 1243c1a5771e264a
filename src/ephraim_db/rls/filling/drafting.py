"""Write down what a row of one person must be: whose it is, what it points at, and the rest."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from psycopg.sql import Literal

from ephraim_db.rls.catalog import Catalog, Column, ForeignKey, Relation, quote
from ephraim_db.rls.filling.drafts import Draft
from ephraim_db.rls.filling.facts import Facts, Sort
from ephraim_db.rls.filling.order import Order
from ephraim_db.rls.filling.people import Person
from ephraim_db.rls.filling.values import candidates, named_in_checks, role_first
from ephraim_db.rls.ownership import Ownership

ROLE = re.compile(r"(^|_)role$")
ENDED = re.compile(
    r"^(is_)?(soft_)?(deleted|archived|removed|trashed|revoked|banned|suspended|disabled|blocked|"
    r"expired|cancell?ed|left|ended)(_at|_on)?$",
    re.IGNORECASE,
)
"""Columns that mark a row as gone: a first row is not, a second one is."""
_KEYS = {"uuid", "text", "varchar", "int4", "int8"}


@dataclass(frozen=True, slots=True)
class Drafting:
    """What is known of the tables and of the people."""

    catalog: Catalog
    ownership: Ownership
    facts: Facts
    order: Order
    people: tuple[Person, ...]

    def draft(self, table: Relation, person: Person, *, other: bool = False) -> Draft | None:
        """Return the row of a person; None if this table holds nothing of somebody like that.

        `other`: a second row, whose flags are set and whose states are others.
        """
        sorts = self.facts.columns[table.oid]
        owners, organizations = self._owners(table), self.ownership.organization_columns(table)
        choices: dict[str, tuple[str, ...]] = {}
        optional: set[str] = set()
        for position, column in enumerate(table.columns):
            sort = sorts[column.name]
            if not column.written:
                continue
            if column.name in organizations:
                told = self._organization(table, person, column, sort)
            elif column.name in owners:
                told = self._users(table, person, column, sort)
            elif keys := [k for k in table.foreign_keys if column.name in k.columns]:
                told = self._pointing(table, person, column, keys, choices)
            else:
                told = self._plain(table, person, column, sort, position, other=other)
                if not sort.required or column.has_default:
                    optional.add(column.name)
            if told is None:
                return None
            choices[column.name] = told
        fixed = frozenset({*owners, *organizations})
        rules = self.facts.rules.get(table.oid, ())
        return Draft(
            table, person.persona, choices, fixed, frozenset(optional), rules, is_first=not other
        )

    def has_states(self, table: Relation) -> bool:
        """Return whether a second row of a person could be unlike the first."""
        rules = self.facts.rules.get(table.oid, ())
        return any(
            column.is_boolean
            or column.labels
            or named_in_checks(column.name, rules)
            or (ENDED.match(column.name) and not column.required)
            for column in table.columns
            if not ROLE.search(column.name)
        )

    def is_of_people(self, table: Relation) -> bool:
        """Return whether there is a row for each user: a membership or a profile."""
        return any(True for _ in self._keys_of_people(table))

    def _keys_of_people(self, table: Relation) -> Iterator[tuple[str, ...]]:
        owners = self.ownership.owner_columns(table)
        keys = (table.primary_key, *(rule.columns for rule in self.facts.keys(table)))
        return (key for key in keys if any(column in key for column in owners))

    def _owners(self, table: Relation) -> tuple[str, ...]:
        """Return the columns that hold a user's id itself."""
        sorts = self.facts.columns[table.oid]
        found = []
        for name in self.ownership.owner_columns(table):
            ends = [
                target in self.ownership.owner_columns(self.catalog.relations[key.target])
                for key in table.foreign_keys
                if key.target in self.catalog.relations
                for column, target in zip(key.columns, key.target_columns, strict=True)
                if column == name
            ]
            if sorts[name].base in ("uuid", "text", "varchar") and (any(ends) or not ends):
                found.append(name)
        return tuple(found)

    def _organization(
        self, table: Relation, person: Person, column: Column, sort: Sort
    ) -> tuple[str, ...] | None:
        if person.persona.organization is None:
            # Who belongs to none is made no member of all of them, as null may mean.
            joins = any(column.name in key for key in self._keys_of_people(table))
            return None if sort.required or joins else ("null",)
        return (_literal(person.persona.organization, sort),)

    def _users(
        self, table: Relation, person: Person, column: Column, sort: Sort
    ) -> tuple[str, ...] | None:
        subs = [p.persona.sub for p in self.people if p.persona.sub]
        first = [person.persona.sub] if person.persona.sub else []
        found = [_literal(sub, sort) for sub in dict.fromkeys((*first, *subs))]
        for key in table.foreign_keys:  # to a profile that this person lacks
            if key.columns == (column.name,) and key.target in self.catalog.relations:
                target = self.catalog.relations[key.target]
                found[1:1] = [self._nearest(target, key.target_columns[0], person, "", 0)]
        if not sort.required:
            found.append("null")
        return tuple(found) or None

    def _pointing(
        self,
        table: Relation,
        person: Person,
        column: Column,
        keys: list[ForeignKey],
        choices: dict[str, tuple[str, ...]],
    ) -> tuple[str, ...]:
        found: list[str] = []
        for key in keys:
            target = self.catalog.relations.get(key.target)
            if target is None or (target.oid == table.oid and not column.required):
                continue
            at = key.target_columns[key.columns.index(column.name)]
            if target.oid == table.oid or (table.oid, key.name) in self.order.late:
                if column.required:
                    found.append(self.own_key(target, at, person))
                continue
            same = "".join(
                f" and r.{quote(other)} = {choices[mine][0]}"
                for mine, other in zip(key.columns, key.target_columns, strict=True)
                if mine != column.name and mine in choices
            )
            first = self._nearest(target, at, person, same, 0)
            before = _pointing_before(table, key)
            if before and not self.ownership.own(target, person.persona):
                found.append(
                    f"coalesce({self._nearest(target, at, person, same, before)}, {first})"
                )
            found.append(first)
            found += [self._nearest(target, at, person, same, n) for n in range(1, 4)]
        if not column.required:
            found.append("null")
        return tuple(found) or ("null",)

    def _nearest(
        self, target: Relation, column: str, person: Person, same: str, skipped: int
    ) -> str:
        """Return a value of a target's column: of a row of the person's own if there is one."""
        name, nearest = quote(column), self.ownership.class_of_row(target, person.persona)
        return (
            f"(select r.{name} from {target.sql} as r where r.{name} is not null{same} "
            f"order by {nearest}, r.tableoid, r.ctid offset {skipped} limit 1)"
        )

    def own_key(self, table: Relation, column: str, person: Person) -> str:
        """Return the key that a person's row gets where another must name it before it is there."""
        sort = self.facts.columns[table.oid][column]
        place = f"{table.full_name}.{column}"
        return candidates(place, column, sort, (), 900_000_000 + person.number, 0)[0]

    def _plain(
        self,
        table: Relation,
        person: Person,
        column: Column,
        sort: Sort,
        position: int,
        *,
        other: bool,
    ) -> tuple[str, ...]:
        rules = self.facts.rules.get(table.oid, ())
        if self._is_named_early(table, column):
            return (self.own_key(table, column.name, person),)
        number = person.number + len(self.people) * other
        place = f"{table.full_name}.{column.name}"
        found: list[str] = []
        if sort.kind != "c":
            found += candidates(place, column.name, sort, rules, number, position)
        labels = sort.labels or named_in_checks(column.name, rules)
        if ROLE.search(column.name) and labels and self._is_membership(table):
            fitting = [person.persona.name] if person.persona.name in labels else []
            ordered = dict.fromkeys((*fitting, *role_first(labels, high=person.leads)))
            return tuple(_literal(label, sort) for label in ordered)
        if other and column.is_boolean:
            return ("true", "false")
        if column.has_default and not (other and labels):
            return ("default", *found)
        if ENDED.match(column.name) and not other and not sort.required:
            return ("null", *found)
        if not sort.required:
            found.append("null")
        return tuple(found) or ("null",)

    def _is_membership(self, table: Relation) -> bool:
        return bool(
            self.ownership.organization_columns(table) and self.ownership.owner_columns(table)
        )

    def _is_named_early(self, table: Relation, column: Column) -> bool:
        """Return whether rows that are made before point at this column."""
        if self.facts.columns[table.oid][column.name].base not in _KEYS:
            return False
        return any(
            (other.oid, key.name) in self.order.late or other.oid == table.oid
            for other in self.order.tables
            for key in other.foreign_keys
            if key.target == table.oid
            and column.name in key.target_columns
            and any(c.required for c in other.columns if c.name in key.columns)
        )


def _pointing_before(table: Relation, key: ForeignKey) -> int:
    """Return how many keys before this one point at the same: a home and an away team differ."""
    alike = [other for other in table.foreign_keys if other.target == key.target]
    return alike.index(key) if len(key.columns) == 1 else 0


def _literal(value: str, sort: Sort) -> str:
    return f"{Literal(value).as_string(None)}::{sort.type}"
