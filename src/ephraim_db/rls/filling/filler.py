"""Fill what is empty, table by table: all people's rows at once, then those refused once more.

drafts --pg_temp.ephraim_fill, one round trip--> taken, or a refusal --changed--> drafts
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg

from ephraim_db.rls.catalog import Catalog, Relation, quote
from ephraim_db.rls.filling.drafting import Drafting
from ephraim_db.rls.filling.drafts import UNIQUE, Draft, Refusal
from ephraim_db.rls.filling.facts import prepare, read_facts
from ephraim_db.rls.filling.order import Order, order_tables
from ephraim_db.rls.filling.people import Person, find_people, is_made
from ephraim_db.rls.filling.storage import in_each_bucket, is_of_files
from ephraim_db.rls.filling.users import new_users, without_triggers
from ephraim_db.rls.filling.vacancies import (
    absent_subs,
    boundary_base,
    empty_tables,
    project_tables,
)
from ephraim_db.rls.ownership import Ownership
from ephraim_db.rls.personas import Personas


@dataclass(frozen=True, slots=True)
class Unfilled:
    """A table that stayed empty, or, for auth.users, lacks somebody; and why."""

    relation: str
    reason: str


@dataclass(frozen=True, slots=True)
class Filled:
    """What was made. `statements` are the claims and the SQL that made it, in order."""

    statements: tuple[tuple[str, str], ...] = ()
    unfilled: tuple[Unfilled, ...] = ()

    def why_empty(self, relation: str) -> str | None:
        """Return why a relation could not be filled, if it could not."""
        return next((one.reason for one in self.unfilled if one.relation == relation), None)


def fill(
    connection: psycopg.Connection[Any],
    catalog: Catalog,
    personas: Personas,
    ownership: Ownership,
) -> Filled:
    """Make rows in empty tables, within the caller's transaction, and say where that failed.

    Every persona gets rows of its own. Users whom the database lacks are made, too.
    """
    tables = project_tables(connection, catalog)
    empty = empty_tables(connection, tables)
    users = catalog.named("auth", "users")
    absent = absent_subs(connection, users, personas)
    if not empty and not absent:
        return Filled()
    prepare(connection)
    facts = read_facts(connection, tables)
    people = find_people(personas, boundary_base(personas, tables, facts))
    order = order_tables(tables)
    drafting = Drafting(catalog, ownership, facts, order, people)
    filler = _Filler(connection, drafting, empty, [], [])
    if users is not None:
        filler.make_users(users, absent | {p.persona.sub for p in people if is_made(p.persona.sub)})
    filler.put_off(order)
    for table in order.tables:
        filler.fill_table(table)
    filler.settle(order)
    return Filled(tuple(filler.statements), tuple(filler.unfilled))


@dataclass(frozen=True, slots=True)
class _Filler:
    connection: psycopg.Connection[Any]
    drafting: Drafting
    empty: set[int]
    statements: list[tuple[str, str]]
    unfilled: list[Unfilled]

    def make_users(self, users: Relation, wanted: set[str | None]) -> None:
        for person in self.drafting.people:
            if person.persona.sub not in wanted:
                continue
            name, first = person.persona.name, None
            for sql in new_users(users, person):
                refusal = self._try([("", sql)])[0]
                first = first or refusal
                if refusal is None:
                    wanted = wanted - {person.persona.sub}
                    break
            else:
                silenced = without_triggers(self.connection, users, sql)
                if silenced == sql or self._try([("", silenced)])[0] is not None:
                    self.unfilled.append(
                        Unfilled(users.full_name, f"no user could be made for {name} ({first})")
                    )
                    continue
                self.unfilled.append(
                    Unfilled(users.full_name, f"{name} signed up without triggers ({first})")
                )

    def put_off(self, order: Order) -> None:
        """Let the keys that close a circle be met at the end."""
        for table in order.tables:
            for key in table.foreign_keys:
                if (table.oid, key.name) in order.late:
                    change = f"alter table {table.sql} alter constraint {quote(key.name)}"
                    self._try([("", f"{change} deferrable initially deferred")])

    def settle(self, order: Order) -> None:
        """Check now what was put off, and let it be checked at once again."""
        if self._try([("", "set constraints all immediate")])[0] is not None:
            self.unfilled.append(
                Unfilled("public", "a foreign key that closes a circle is not met")
            )
        for table in order.tables:
            for key in table.foreign_keys:
                if (table.oid, key.name) in order.late:
                    change = f"alter table {table.sql} alter constraint {quote(key.name)}"
                    self._try([("", f"{change} not deferrable")])

    def fill_table(self, table: Relation) -> None:
        is_empty = table.oid in self.empty
        wanted = [p for p in self.drafting.people if is_empty or self._lacks(table, p)]
        drafts = [d for p in wanted if (d := self.drafting.draft(table, p)) is not None]
        if is_of_files(table):
            buckets = self._count("storage.buckets")
            drafts = [each for draft in drafts for each in in_each_bucket(draft, buckets)]
        elif is_empty and self.drafting.has_states(table):
            seconds = (self.drafting.draft(table, p, other=True) for p in wanted)
            if not self.drafting.is_of_people(table):
                drafts += [d for d in seconds if d is not None]
        taken = self._insert(table, drafts)
        for draft in drafts:
            if draft.refusal and draft.refusal.sqlstate == UNIQUE and draft.is_first:
                self._join(draft)
        if is_empty and not taken and self._is_empty(table):
            self.unfilled.append(Unfilled(table.full_name, self._why(table, drafts)))

    def _lacks(self, table: Relation, person: Person) -> bool:
        """Return whether a table that has rows needs one of somebody who is made for the run."""
        ownership = self.drafting.ownership
        if not person.is_made:
            return False
        if ownership.organization_columns(table) == table.primary_key != ():
            return is_made(person.persona.organization)
        return bool(
            ownership.own(table, person.persona) or ownership.organization(table, person.persona)
        )

    def _insert(self, table: Relation, drafts: Sequence[Draft]) -> int:
        waiting = list(drafts)
        taken = 0
        triggers: tuple[str, ...] | None = None
        while waiting:
            refusals = self._try([(d.attempt["claims"], d.attempt["sql"]) for d in waiting])
            again = []
            for draft, refusal in zip(waiting, refusals, strict=True):
                if refusal is None:
                    taken += 1
                    draft.refusal = None
                    continue
                triggers = self._triggers(table) if triggers is None else triggers
                if draft.change(refusal, triggers) and (draft.is_first or not taken):
                    again.append(draft)
            waiting = again
        return taken

    def _join(self, draft: Draft) -> None:
        """Put somebody whose row is there already, made by a trigger, into their organization."""
        organization = draft.persona.organization
        ownership = self.drafting.ownership
        columns = ownership.organization_columns(draft.relation)
        owners = [c for c in draft.fixed if c not in columns and c in draft.choices]
        if not is_made(draft.persona.sub) or organization is None or not columns or not owners:
            return
        sets = ", ".join(
            f"{quote(c)} = {draft.choices[c][0]}" for c in columns if c in draft.choices
        )
        whose = " or ".join(f"{quote(c)} = {draft.choices[c][0]}" for c in owners)
        if sets:
            nowhere = " and ".join(f"{quote(c)} is null" for c in columns)
            self._try(
                [("", f"update {draft.relation.sql} set {sets} where ({whose}) and {nowhere}")]
            )

    def _why(self, table: Relation, drafts: Sequence[Draft]) -> str:
        if not drafts and is_of_files(table):
            return "there is no bucket"
        if not drafts:
            return "nobody is of an organization that its rows could be of"
        refusal = next((d.refusal for d in drafts if d.refusal), None)
        empty = dict.fromkeys(u.relation for u in self.unfilled if u.relation != "auth.users")
        lacking = [name for name in empty if self._points_at(table, name)]
        because = f", needs a row of {', '.join(lacking)}" if lacking else ""
        return f"no row was taken ({refusal}{because})" if refusal else "its rows did not stay"

    def _points_at(self, table: Relation, name: str) -> bool:
        targets = (self.drafting.catalog.relations.get(k.target) for k in table.foreign_keys)
        return any(t is not None and t.full_name == name for t in targets)

    def _try(self, attempts: Sequence[tuple[str, str]]) -> list[Refusal | None]:
        if not attempts:
            return []
        sent = json.dumps([{"claims": claims, "sql": sql} for claims, sql in attempts])
        told = self.connection.execute(
            "select attempt, state, at_constraint, at_column from pg_temp.ephraim_fill(%s)", (sent,)
        ).fetchall()
        refusals: list[Refusal | None] = []
        for number, state, constraint, column in told:
            refusals.append(Refusal(state, constraint, column) if state else None)
            if state is None:
                self.statements.append(attempts[number - 1])
        return refusals

    def _triggers(self, table: Relation) -> tuple[str, ...]:
        rows = self.connection.execute(
            "select tgname from pg_catalog.pg_trigger "
            "where tgrelid = %s and not tgisinternal and tgenabled in ('O', 'A') order by tgname",
            (table.oid,),
        )
        return tuple(str(row[0]) for row in rows)

    def _count(self, table: LiteralString) -> int:
        row = self.connection.execute(f"select count(*) from {table}").fetchone()
        return int(row[0]) if row else 0

    def _is_empty(self, table: Relation) -> bool:
        return bool(empty_tables(self.connection, [table]))
