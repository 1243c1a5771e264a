"""Connect to the database that an option or the environment names, or say why not."""

from __future__ import annotations

from typing import Any

import click
import psycopg


class CannotRun(click.ClickException):
    """Nothing was tried, because something needed for it is not there."""

    exit_code = 2


def connect(
    url: str, kind: type[psycopg.Connection[Any]] = psycopg.Connection, **options: Any
) -> psycopg.Connection[Any]:
    """Return a connection in autocommit. Raises CannotRun, which does not repeat the URL."""
    try:
        return kind.connect(url, autocommit=True, **options)
    except (psycopg.ProgrammingError, UnicodeError):  # their messages repeat it, and the password
        raise CannotRun(
            "the database URL cannot be read: write postgresql://user:password@host:port/database"
        ) from None
    except psycopg.OperationalError as error:
        raise CannotRun(str(error).strip()) from None
