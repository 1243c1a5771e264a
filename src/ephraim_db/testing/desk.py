"""One connection, lent to a test at a time, in a transaction that is rolled back.

clone of the template --connected once--> begin -> test -> rollback -> begin -> test -> ...
                                                     |
                     (a test that committed) --> a new clone for the next one
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.rows import tuple_row

from ephraim_db.errors import TransactionEnded
from ephraim_db.postgres import Server
from ephraim_db.rls import Personas, read_personas
from ephraim_db.rls.catalog import Catalog, read_catalog
from ephraim_db.rls.filling.people import is_made
from ephraim_db.rls.guessing import exposed_schemas, guess
from ephraim_db.rls.production import refuse_production
from ephraim_db.testing.databases import Cloner

_MARK = "select set_config('ephraim_db.rolled_back', 'yes', true)"
_IS_MARKED = "select coalesce(current_setting('ephraim_db.rolled_back', true), '') = 'yes'"


class Desk:
    """Where the connection is lent, and what is known of its database.

    `cloner` is None where the server's own database is used as it is.
    """

    def __init__(self, server: Server, cloner: Cloner | None, project: Path) -> None:
        """Connect when first asked."""
        self._server = server
        self._cloner = cloner
        self.project = project
        self._stack = ExitStack()
        self._connection: psycopg.Connection[Any] | None = None
        self._personas: Personas | None = None
        self._catalog: Catalog | None = None

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Disconnect, and drop the database that was made."""
        self._put_away()

    @contextmanager
    def lent(self) -> Iterator[psycopg.Connection[Any]]:
        """Yield the connection, as role postgres, in a transaction; roll it back.

        Raises TransactionEnded if somebody ended it.
        """
        connection = self._connected()
        row_factory = connection.row_factory
        try:
            with connection.transaction(force_rollback=True):
                connection.execute(_MARK)
                yield connection
                ended = _was_ended(connection)
        except psycopg.OperationalError:
            if not connection.closed:
                raise
            ended = False  # the test cut it off: Postgres has rolled back
        if connection.closed or ended:
            self._put_away()
        else:
            connection.row_factory = row_factory
            connection.execute("discard all")
        if ended:
            raise TransactionEnded(is_thrown_away=self._cloner is not None)

    @property
    def catalog(self) -> Catalog:
        """Return what there is in the database before a test changes it."""
        if self._catalog is None:
            raise RuntimeError("nothing is known before the connection is lent")
        return self._catalog

    @property
    def personas(self) -> Personas:
        """Return who rls.toml names; where there is none, who is guessed from users of the seed."""
        if self._personas is None:
            self._personas = read_personas(self.project / "supabase" / "rls.toml")
        return self._personas

    def _connected(self) -> psycopg.Connection[Any]:
        if self._connection is None:
            with ExitStack() as stack:
                if self._cloner is None:
                    url = self._server.url()
                else:
                    url = stack.enter_context(self._cloner.cloned()).url
                # Prepared statements would outlive what the test made.
                connection = stack.enter_context(
                    psycopg.connect(url, autocommit=True, prepare_threshold=None)
                )
                if self._cloner is None:
                    refuse_production(connection)
                self._catalog = read_catalog(connection)
                if not (self.project / "supabase" / "rls.toml").exists():
                    self._personas = _guessed(connection, self.project)
                self._stack, self._connection = stack.pop_all(), connection
        return self._connection

    def _put_away(self) -> None:
        self._connection = self._catalog = None
        self._stack.close()


def _was_ended(connection: psycopg.Connection[Any]) -> bool:
    match connection.info.transaction_status:
        case TransactionStatus.INERROR:
            return False
        case TransactionStatus.INTRANS:
            row = connection.cursor(row_factory=tuple_row).execute(_IS_MARKED).fetchone()
            return row != (True,)
    return not connection.closed


def _guessed(connection: psycopg.Connection[Any], project: Path) -> Personas:
    found = guess(connection, exposed_schemas(project)).personas
    there = tuple(persona for persona in found.everyone if not is_made(persona.sub))
    return Personas(found.schemas, found.boundary, there)
