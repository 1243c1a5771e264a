"""Try a statement as a persona, undo it, and say in the toolkit's words what happened.

allowed             a row was read, added, changed or removed, or there was nothing to count
hidden              no row was reached, and nothing raised
refused_by_grant    SQLSTATE 42501, before anything ran
refused_by_policy   SQLSTATE 42501 from a policy or a trigger
error               anything else: the statement is wrong, or a constraint objects
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from operator import methodcaller
from typing import Any

import psycopg

from ephraim_db.errors import EphraimError, InvalidInput
from ephraim_db.rls import Persona
from ephraim_db.rls.verdicts import Outcome

__tracebackhide__ = methodcaller("errisinstance", (EphraimError, psycopg.Error))

INSUFFICIENT_PRIVILEGE = "42501"
_CANNOT_BE_EXPLAINED = frozenset({"42601", "42P02"})

Acting = Callable[..., AbstractContextManager[psycopg.Connection[Any]]]
"""acting(persona, past_policies=False): see acting.py."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What a persona tried, with the parameters put in, and what happened.

    `rows` are those read, added, changed or removed; None where a statement has none to count.
    `error` is what Postgres said.
    """

    persona: Persona
    sql: str
    outcome: Outcome
    rows: int | None = None
    error: psycopg.Error | None = None

    @property
    def is_refusal(self) -> bool:
        """Return whether a grant, a policy or a trigger said no."""
        return self.outcome in ("refused_by_grant", "refused_by_policy")


def attempt(
    connection: psycopg.Connection[Any],
    acting: Acting,
    persona: Persona,
    sql: str,
    *,
    refusal: str = INSUFFICIENT_PRIVILEGE,
    past_policies: bool = False,
) -> Attempt:
    """Try `sql`; nothing of it stays. `refusal` is the SQLSTATE that means no.

    Raises InvalidInput if it is more than one statement.
    """
    try:
        with (
            connection.transaction(force_rollback=True),
            acting(persona, past_policies=past_policies),
        ):
            cursor = connection.execute(sql.encode())
            rows = cursor.rowcount
            if cursor.nextset():
                raise InvalidInput("sql", "takes one statement: of several, who knows which counts")
    except psycopg.OperationalError:
        raise
    except psycopg.Error as error:
        if error.sqlstate == refusal:
            granted = _is_granted(connection, acting, persona, sql, error)
            outcome: Outcome = "refused_by_policy" if granted else "refused_by_grant"
            return Attempt(persona, sql, outcome, error=error)
        return Attempt(persona, sql, "error", error=error)
    if rows < 0:
        return Attempt(persona, sql, "allowed")
    return Attempt(persona, sql, "allowed" if rows else "hidden", rows)


def _is_granted(
    connection: psycopg.Connection[Any],
    acting: Acting,
    persona: Persona,
    sql: str,
    error: psycopg.Error,
) -> bool:
    """Return whether the statement may be started: to explain it takes the same privileges."""
    try:
        with connection.transaction(force_rollback=True), acting(persona):
            connection.execute(f"explain {sql}".encode())
    except psycopg.Error as unexplained:
        if unexplained.sqlstate in _CANNOT_BE_EXPLAINED:
            return error.diag.context is not None  # raised by something that it called
        return unexplained.sqlstate != INSUFFICIENT_PRIVILEGE
    return True
