"""`ephraim-db xero status|cleanup`: each organization's Xero connection, and what is left to end.

Exit status, for scripts: 0 nothing needs a hand; 1 an admin has to connect again, a secret is
refused, or something is left to end at Xero; 2 it could not run (no connection, wrong options).
"""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable
from datetime import datetime
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from ephraim_db.cli.connecting import CannotRun
from ephraim_db.database import Database
from ephraim_db.errors import InvalidInput, NoPrivateKeys, SupabaseError
from ephraim_db.sealing import Keyring
from ephraim_db.xero import App, Endpoints, Status
from ephraim_db.xero.checking import status as read_status
from ephraim_db.xero.disconnecting import end_leftovers
from ephraim_db.xero.performing import blocking

_on_a_database = click.option(
    "--database-url",
    envvar="DATABASE_URL",
    required=True,
    metavar="URL",
    help="A login that may act as ephraim_sender; or in DATABASE_URL, where it does not show in "
    "the list of processes.",
)


@click.group()
def xero() -> None:
    """Look at the organizations' Xero connections, and end what is left of former ones."""


@xero.command()
@_on_a_database
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True
)
def status(database_url: str, form: str) -> None:
    """Show each organization's connection, its age and expiry, and its last error. No token."""
    statuses = _run(database_url, None, read_status)
    if form == "json":
        rows = [dataclasses.asdict(status) for status in statuses]
        click.echo(json.dumps(rows, default=str, indent=2))
    else:
        Console().print(_table(statuses))
    sys.exit(any(status.last_error or status.leftovers for status in statuses))


@xero.command()
@_on_a_database
@click.option("--xero-url", metavar="URL", help="Of a pretended Xero, instead of the real one.")
def cleanup(database_url: str, xero_url: str | None) -> None:
    """End at Xero what is over here: leftovers of disconnecting while Xero was down.

    Run it now and then, from cron for instance. It needs the keys, as EPHRAIM_DB_KEYS or
    EPHRAIM_DB_KEYS_FILE give them.
    """
    try:
        keyring = Keyring.from_env()
    except NoPrivateKeys as error:
        raise CannotRun(str(error)) from error
    left = _run(database_url, xero_url, lambda: end_leftovers(keyring))
    if left:
        click.echo(f"{left} left to end at Xero", err=True)
        sys.exit(1)
    click.echo("nothing left to end at Xero")


def _run(database_url: str, xero_url: str | None, steps: Callable[[], Any]) -> Any:
    endpoints = Endpoints.at(xero_url) if xero_url else Endpoints()
    app = App("http://localhost", endpoints=endpoints)  # nobody is sent to Xero from here
    try:
        with Database(database_url, connections=1, perform=blocking(app)) as database:
            return database.run(steps())
    except (SupabaseError, InvalidInput) as error:
        raise CannotRun(str(error)) from error


def _table(statuses: list[Status]) -> Table:
    table = Table()
    for heading in ("organization", "state", "Xero organisation", "connected"):
        table.add_column(heading)
    for heading in ("access token", "refresh token", "left to end", "last error"):
        table.add_column(heading)
    for row in statuses:
        table.add_row(
            row.name,
            row.state,
            row.tenant_name or "",
            _since(row.connected_at, row.as_of),
            _until(row.access_expires_at, row.as_of),
            _until(row.refresh_expires_at, row.as_of),
            str(row.leftovers or ""),
            _error(row),
        )
    return table


def _error(row: Status) -> str:
    if row.last_error is None:
        return ""
    return f"{row.last_error} ({_since(row.last_error_at, row.as_of)})"


def _since(then: datetime | None, now: datetime) -> str:
    return "" if then is None else f"{_span((now - then).total_seconds())} ago"


def _until(then: datetime | None, now: datetime) -> str:
    if then is None:
        return ""
    return f"for {_span((then - now).total_seconds())}" if then > now else "expired"


def _span(seconds: float) -> str:
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{int(seconds)} s"
