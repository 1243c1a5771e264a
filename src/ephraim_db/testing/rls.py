"""The fixture `rls`: act as personas, make some, and assert what they can do.

acting.py (be somebody)  making.py (have rows)  attempting.py (try)  seeing.py (which rows)
deciding.py, telling.py (why, where an assertion fails)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from operator import methodcaller
from typing import Any

import psycopg
from psycopg import ClientCursor
from psycopg.rows import tuple_row

from ephraim_db.errors import EphraimError, InvalidInput
from ephraim_db.rls import Persona, Personas
from ephraim_db.rls.filling.people import is_made
from ephraim_db.rls.prober import become_able
from ephraim_db.testing.acting import acting, as_role, role_of
from ephraim_db.testing.attempting import INSUFFICIENT_PRIVILEGE, Attempt, attempt
from ephraim_db.testing.desk import Desk
from ephraim_db.testing.making import Maker, Row, made_sub, similar
from ephraim_db.testing.seeing import look
from ephraim_db.testing.telling import Telling

__tracebackhide__ = methodcaller("errisinstance", (AssertionError, EphraimError, psycopg.Error))

Rows = Mapping[str, Row | Sequence[Row]]


class Rls:
    """What one test does as personas, all of it rolled back afterwards."""

    def __init__(self, connection: psycopg.Connection[Any], desk: Desk) -> None:
        """Take the connection that is lent to the test, in its transaction."""
        self.connection = connection
        self._desk = desk
        self._made: dict[str, Persona] = {}
        self._able: set[str] = set()
        self._owner = role_of(connection)
        self._maker = Maker(connection, desk.catalog, self.personas)

    @property
    def personas(self) -> Personas:
        """The personas of rls.toml; where there is no such file, those that the seed suggests."""
        return self._desk.personas

    def persona(self, name: str | Persona) -> Persona:
        """Return the persona of that name, of rls.toml or made in this test.

        Raises InvalidInput if there is none.
        """
        if isinstance(name, Persona):
            return name
        known = {persona.name: persona for persona in self.personas.everyone} | self._made
        if name not in known:
            raise InvalidInput("persona", f"nobody is called {name}{similar(name, known)}")
        return known[name]

    def acting_as(self, persona: str | Persona) -> AbstractContextManager[psycopg.Connection[Any]]:
        """Be the persona on the connection until the end of the block.

        What was done stays until the test ends, for the next persona to see. If a statement fails,
        everything of the block is undone. Deferred constraints are checked at its end.
        """
        who = self.persona(persona)
        if is_made(who.sub):
            with self._as_owner():
                self._known(who)
        return self._acting(who)

    def new_persona(
        self,
        name: str,
        *,
        role: str = "authenticated",
        organization: object = None,
        claims: Mapping[str, Any] | None = None,
        rows: Rows | None = None,
    ) -> Persona:
        """Make a user with claims of their token, and rows; from now on known by `name`.

        `organization` is their value of the boundary column. `claims` that are `app_metadata`,
        `user_metadata` or `email` also go into auth.users. `rows` are by table: a row or several;
        what names the user or the organization in them is filled in unless it is given.
        """
        if name in self._made or name in {persona.name for persona in self.personas.everyone}:
            raise InvalidInput("name", f"somebody is called {name} already")
        sub = made_sub(len(self._made) + 1)
        whose = None if organization is None else str(organization)
        persona = Persona(name, role, sub, whose, dict(claims or {}))
        with self._as_owner(), self.connection.transaction():
            self._maker.add_user(persona)
            for table, given in (rows or {}).items():
                for row in [given] if isinstance(given, Mapping) else given:
                    self._maker.add_row(table, row, persona)
        self._made[name] = persona
        return persona

    def add_row(
        self, table: str, values: Row | None = None, *, of: str | Persona
    ) -> dict[str, Any]:
        """Add a row of a persona's, past policies, and return all of its columns.

        What names the user or the organization is filled in. A row with that key, which a trigger
        may have made, is changed.
        """
        with self._as_owner(), self.connection.transaction():
            return self._maker.add_row(table, values or {}, self.persona(of))

    def attempt(
        self,
        persona: str | Persona,
        sql: str,
        parameters: Sequence[Any] | Mapping[str, Any] | None = None,
    ) -> Attempt:
        """Try a statement as the persona, undo it, and return what happened."""
        text = self._merged(sql, parameters)
        with self._as_owner():
            return attempt(self.connection, self._acting, self._known(persona), text)

    def assert_can(
        self,
        persona: str | Persona,
        sql: str,
        parameters: Sequence[Any] | Mapping[str, Any] | None = None,
    ) -> None:
        """Assert that the statement is let through and reaches a row; nothing of it stays."""
        tried = self.attempt(persona, sql, parameters)
        if tried.outcome != "allowed":
            with self._as_owner():
                message = self._telling.cannot(tried)
            raise AssertionError(message)

    def assert_cannot(
        self,
        persona: str | Persona,
        sql: str,
        parameters: Sequence[Any] | Mapping[str, Any] | None = None,
        *,
        sqlstate: str = INSUFFICIENT_PRIVILEGE,
    ) -> None:
        """Assert that the statement is refused, or reaches no row; nothing of it stays.

        It fails as well if that proves nothing: the statement is wrong, or reaches no row even
        past policies. `sqlstate` is what a trigger of yours raises where it refuses.
        """
        text = self._merged(sql, parameters)
        with self._as_owner():
            who = self._known(persona)
            tried = attempt(self.connection, self._acting, who, text, refusal=sqlstate)
            message = self._telling.can(tried)
        if message:
            raise AssertionError(message)

    def assert_sees_only(self, persona: str | Persona, table: str, where: str) -> None:
        """Assert that every row the persona sees there meets the condition, and that it sees one.

        The condition is judged past policies, with the persona's claims: it may name any column,
        the row as `r`, and auth.uid(). It fails as well if no row is there that should not be seen.
        """
        with self._as_owner():
            who = self._known(persona)
            relation = self._maker.relation(table)
            tried = attempt(
                self.connection,
                self._acting,
                who,
                f"select from {relation.sql}",
            )
            if tried.is_refusal or tried.outcome == "error":
                message: str | None = self._telling.cannot(tried)
            else:
                seen = look(self.connection, self._acting, who, relation, where)
                message = self._telling.sees_otherwise(tried, relation, where, seen)
        if message:
            raise AssertionError(message)

    def _known(self, name: str | Persona) -> Persona:
        """Return the persona; refuse one that is no user, and would seem to be kept from anything.

        To act as somebody who is gone is left to the test: their token may live on. Who is made for
        the run, as the id in rls.toml says, is made here as well.
        """
        persona = self.persona(name)
        if persona.sub is not None and self._desk.catalog.named("auth", "users"):
            cursor = self.connection.cursor(row_factory=tuple_row)
            is_user = "select exists (select from auth.users where id::text = %s)"
            if cursor.execute(is_user, (persona.sub,)).fetchone() == (True,):
                return persona
            if not is_made(persona.sub):
                raise InvalidInput(
                    "persona",
                    f"{persona.name}: sub {persona.sub} is no user in auth.users, so nothing "
                    "would be proved. Add the user to the seed, or use new_persona",
                )
            with self.connection.transaction():
                self._maker.add_user(persona)
        return persona

    @property
    def _telling(self) -> Telling:
        return Telling(self.connection, self._acting)

    @contextmanager
    def _acting(
        self, persona: Persona, *, past_policies: bool = False
    ) -> Iterator[psycopg.Connection[Any]]:
        if persona.role not in self._able:
            with self._as_owner():
                become_able(self.connection, [persona.role])
            self._able.add(persona.role)
        role = self._owner if past_policies else None
        with acting(self.connection, persona, self.personas.schemas, role=role) as connection:
            yield connection

    @contextmanager
    def _as_owner(self) -> Iterator[None]:
        """Be who owns the tables, also where the test is acting as somebody."""
        is_owner = role_of(self.connection) == self._owner
        with nullcontext() if is_owner else as_role(self.connection, self._owner):
            yield

    def _merged(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] | None) -> str:
        if parameters is None:
            return sql
        return ClientCursor(self.connection).mogrify(sql, parameters)
