"""Stop at Ctrl-C, wherever a command is: close the connection, and the server rolls all of it back.

To roll back step by step would mean to ask a connection on which something may still be going on.
"""

from __future__ import annotations

import logging
from typing import Any

import psycopg


class Interruptible(psycopg.Connection[Any]):
    """A connection that is closed when Ctrl-C stops a command on it."""

    def wait(self, *arguments: Any, **named: Any) -> Any:
        """Wait as psycopg does, which cancels the command, and keep no connection after that."""
        try:
            return super().wait(*arguments, **named)
        except KeyboardInterrupt:
            self.pgconn.finish()
            raise


def hush() -> None:
    """Let psycopg log nothing about connections that are closed in the middle of a command."""
    logging.getLogger("psycopg").addHandler(logging.NullHandler())
