"""`ephraim-db sms send|reconcile|log`: what the sender does, from a shell and from cron.

Exit status, for scripts: 0 it went well; 1 a message was refused, may not have been sent, or is
still open; 2 it could not run (no connection, no keys, wrong options).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar
from uuid import UUID

import click
from rich.console import Console
from rich.table import Table

from ephraim_db.cli.connecting import CannotRun
from ephraim_db.database import Database, rows
from ephraim_db.errors import InvalidInput, NoPrivateKeys, SealingError, SmsError, SupabaseError
from ephraim_db.sealing import Keyring
from ephraim_db.sms import Sender
from ephraim_db.sms.twilio import Twilio
from ephraim_db.sms_logs import SmsStatus
from ephraim_db.steps import Row

Command = TypeVar("Command", bound=Callable[..., None])

_LOG = """
select
    m.id,
    m.created_at,
    m.to_phone,
    m.status::text as status,
    m.error_code,
    m.error_message,
    (
        select count(*)::int
        from public.sms_log_events as e
        where e.organization_id = m.organization_id and e.sms_log_id = m.id
    ) as events
from public.sms_logs as m
where m.organization_id = %(organization_id)s
order by m.created_at desc, m.id desc
limit %(limit)s
"""
_NOT_WELL = {SmsStatus.UNKNOWN, SmsStatus.PENDING, SmsStatus.FAILED, SmsStatus.UNDELIVERED}


def _on_a_database(command: Command) -> Command:
    return click.option(
        "--database-url",
        envvar="DATABASE_URL",
        required=True,
        metavar="URL",
        help="A login that may act as ephraim_sender; or in DATABASE_URL, where it does not show "
        "in the list of processes.",
    )(command)


def _through_twilio(command: Command) -> Command:
    return click.option(
        "--twilio-url", metavar="URL", help="Of a pretended Twilio, instead of the real one."
    )(command)


def _of_an_organization(*, required: bool) -> Callable[[Command], Command]:
    return click.option(
        "--organization", "organization_id", type=click.UUID, required=required, metavar="UUID"
    )


@click.group()
def sms() -> None:
    """Send SMS, find out what became of them, and look at the log.

    Sending needs the private keys, as EPHRAIM_DB_KEYS or EPHRAIM_DB_KEYS_FILE give them.
    """


@sms.command()
@_on_a_database
@_through_twilio
@_of_an_organization(required=True)
@click.option("--to", required=True, metavar="NUMBER", help="E.164, such as +61491570156.")
@click.option("--worker", type=click.UUID, metavar="UUID", help="The worker it is for.")
@click.option("--participant", type=click.UUID, metavar="UUID", help="The participant it is for.")
@click.option("--shift", type=click.UUID, metavar="UUID", help="The shift it is about.")
@click.option("--key", metavar="TEXT", help="Sends one message, however often it is given.")
@click.option("--callback-url", metavar="URL", help="Where Twilio reports to: status_callbacks.")
@click.argument("body")
def send(
    database_url: str,
    twilio_url: str | None,
    organization_id: UUID,
    to: str,
    worker: UUID | None,
    participant: UUID | None,
    shift: UUID | None,
    key: str | None,
    callback_url: str | None,
    body: str,
) -> None:
    """Send BODY as one message; as - it is read from standard input."""
    text = sys.stdin.read().rstrip("\n") if body == "-" else body
    with _sender(database_url, twilio_url, callback_url) as sender:
        try:
            sent = sender.send_sms(
                organization_id,
                to,
                text,
                related_shift_id=shift,
                related_worker_id=worker,
                related_participant_id=participant,
                idempotency_key=key,
            )
        except (SmsError, SealingError) as refusal:
            click.echo(f"not sent: {refusal}", err=True)
            sys.exit(1)
    why = f" ({sent.error_message})" if sent.error_message else ""
    click.echo(f"{sent.id} {sent.status}{why}")
    sys.exit(sent.status in _NOT_WELL)


@sms.command()
@_on_a_database
@_through_twilio
@_of_an_organization(required=False)
def reconcile(database_url: str, twilio_url: str | None, organization_id: UUID | None) -> None:
    """Ask Twilio what became of messages that nobody heard of again.

    Run it every few minutes, from cron for instance.
    """
    with _sender(database_url, twilio_url, None) as sender:
        done = sender.reconcile(organization_id)
    click.echo(
        f"{done.found} found, {done.never_sent} never sent, {done.moved_on} moved on, "
        f"{done.left} left"
    )
    for problem in done.problems:
        click.echo(problem, err=True)
    sys.exit(bool(done.problems))


@sms.command()
@_on_a_database
@_of_an_organization(required=True)
@click.option("--limit", type=click.IntRange(1, 500), default=20, show_default=True)
def log(database_url: str, organization_id: UUID, limit: int) -> None:
    """Show an organization's newest messages, without their text."""
    try:
        with Database(database_url, connections=1) as database:
            found = database.run(rows(_LOG, organization_id=organization_id, limit=limit))
    except (SupabaseError, InvalidInput) as error:
        raise CannotRun(str(error)) from error
    Console().print(_table(found))


@contextmanager
def _sender(
    database_url: str, twilio_url: str | None, callback_url: str | None
) -> Iterator[Sender]:
    try:
        keyring, twilio = Keyring.from_env(), Twilio(twilio_url)
        with Sender(
            database_url, keyring, callback_url=callback_url, connections=2, twilio=twilio
        ) as sender:
            yield sender
    except (NoPrivateKeys, SupabaseError, InvalidInput) as error:
        raise CannotRun(str(error)) from error


def _table(found: list[Row]) -> Table:
    table = Table()
    for heading in ("created", "to", "status", "events", "error", "id"):
        table.add_column(heading, overflow="fold")
    for row in found:
        error = row["error_message"] or ""
        table.add_row(
            f"{row['created_at']:%Y-%m-%d %H:%M:%S}",
            row["to_phone"],
            row["status"],
            str(row["events"]),
            f"{row['error_code']}: {error}" if row["error_code"] else error,
            str(row["id"]),
        )
    return table
