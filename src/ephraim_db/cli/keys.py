"""`ephraim-db keys new|publish|list|rotate`: the keys that secrets are sealed to.

Exit status, for scripts: 0 done; 1 refused, or `rotate` left secrets that it cannot open; 2 it
could not run (no connection, wrong options); 130 it was stopped.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

import click
import psycopg
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from ephraim_db.cli import STOPPED
from ephraim_db.cli.connecting import CannotRun, connect
from ephraim_db.errors import InvalidKey, NoPrivateKeys, RotationError
from ephraim_db.rotation import Progress, list_keys, promote, publish, rotate
from ephraim_db.sealing import Keyring, PrivateKey, PublicKey

_on_a_database = click.option(
    "--database-url",
    envvar="DATABASE_URL",
    required=True,
    metavar="URL",
    help="A login that may act as ephraim_rotator, such as the owner's; or in DATABASE_URL, where "
    "it does not show in the list of processes.",
)


@click.group()
def keys() -> None:
    """Make, publish and exchange the keys that secrets are sealed to."""


@keys.command()
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the private key there, readable by you only; FILE must not exist.",
)
def new(out: Path | None) -> None:
    """Make a key. It goes to FILE, and the public half to stdout; without --out, it goes to stdout.

    Keep a copy where backups of the database are not: without it, what is sealed to it is lost.
    """
    key = PrivateKey.generate()
    private = json.dumps(key.jwk())
    if out is None:
        click.echo(private)
        click.echo(f"kid {key.public().kid}; the line on stdout is the private key", err=True)
        return
    _write(out, private + "\n")
    click.echo(json.dumps(key.public().jwk()))
    click.echo(f"kid {key.public().kid}; the private key is in {out}", err=True)


@keys.command("publish")
@click.argument("file", type=click.File("r", encoding="utf-8"), metavar="FILE")
@click.option("--activate", is_flag=True, help="Let clients seal to it from now on.")
@_on_a_database
def publish_key(file: TextIO, activate: bool, database_url: str) -> None:
    """Put the public half of the JWK in FILE (- is stdin) into the database, as pending."""
    key = _public_key(file)
    with _connected(database_url) as connection:
        publish(connection, key)
        if activate:
            promote(connection, key.kid)
    click.echo(f"{key.kid} is {'active' if activate else 'published'}")


@keys.command("list")
@_on_a_database
def list_all(database_url: str) -> None:
    """List every key: kid, status, stored secrets sealed to it, and whether it is held here.

    Held are the private keys of EPHRAIM_DB_KEYS and EPHRAIM_DB_KEYS_FILE.
    """
    held: set[str] = set()
    with suppress(NoPrivateKeys):
        held = set(Keyring.from_env())
    with _connected(database_url) as connection:
        directory = list_keys(connection)
    click.echo(f"{'kid':<43}  {'status':<8}  {'secrets':>7}  {'held':<4}  published")
    for key in directory:
        published = f"{key.created_at:%Y-%m-%d}" if key.created_at else ""
        here = "yes" if key.kid in held else "no"
        click.echo(f"{key.kid:<43}  {key.status:<8}  {key.secrets:>7}  {here:<4}  {published}")
    for kid in held.difference(key.kid for key in directory):
        click.echo(f"{kid:<43}  {'new':<8}  {0:>7}  yes")


@keys.command("rotate")
@click.option("--to", metavar="KID", help="Which key.  [default: the one new key that we hold]")
@click.option(
    "--discard-unopenable",
    is_flag=True,
    help="Clear secrets whose private key is held and does not open them: they are damaged.",
)
@_on_a_database
@click.pass_context
def rotate_keys(
    context: click.Context, to: str | None, discard_unopenable: bool, database_url: str
) -> None:
    """Publish and promote a key, seal every stored secret to it anew, retire the old one.

    EPHRAIM_DB_KEYS and EPHRAIM_DB_KEYS_FILE must hold the old and the new key, here and at every
    sender, before. It may be stopped at any moment; run the same again and it goes on. A secret
    that does not open is named and left, its key is not retired, and the exit status is 1.
    """
    keyring = Keyring.from_env()
    console = Console(stderr=True)
    try:
        with _connected(database_url) as connection, _bar(console) as tell:
            done = rotate(
                connection,
                keyring,
                to=to,
                discard_unopenable=discard_unopenable,
                on_progress=tell,
            )
    except KeyboardInterrupt:
        click.echo("stopped; nothing is lost: run the same again and it goes on", err=True)
        context.exit(STOPPED)
    for one in done.discarded:
        click.echo(f"discarded: {one.place}, sealed to {one.kid}: {one.reason}", err=True)
    for one in done.unopened:
        click.echo(f"left as it is: {one.place}, sealed to {one.kid}: {one.reason}", err=True)
    retired = f", retired {' '.join(done.retired)}" if done.retired else ""
    click.echo(f"sealed {done.resealed} anew to {done.kid}{retired}")
    if done.unopened:
        click.echo(f"{len(done.unopened)} left; the keys they are sealed to stay", err=True)
        context.exit(1)


def _write(path: Path, text: str) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    try:
        with os.fdopen(os.open(path, flags, 0o600), "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        raise CannotRun(f"{path} exists, and a key is never overwritten: name another") from None
    except OSError as error:
        raise CannotRun(f"{path}: {error.strerror}") from error


def _public_key(file: TextIO) -> PublicKey:
    try:
        jwk = json.load(file)
    except (
        ValueError,
        RecursionError,
    ):  # its error holds the whole text, which may be a private key
        jwk = None
    if not isinstance(jwk, dict):
        raise InvalidKey(f"{file.name}: not one JWK, as `ephraim-db keys new` makes it")
    return PublicKey.from_jwk(jwk)


@contextmanager
def _connected(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    with connect(database_url, prepare_threshold=None) as connection:
        try:
            yield connection
        except psycopg.Error as error:  # only its first line: DETAIL repeats rows
            what = error.diag.message_primary or str(error).strip()
            raise RotationError(f"{what} ({error.sqlstate}); run the same again") from None


@contextmanager
def _bar(console: Console) -> Iterator[Callable[[Progress], None]]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=console) as bar:
        task = bar.add_task("sealing anew", total=None)

        def tell(progress: Progress) -> None:
            if progress.step != "resealed":
                console.print(f"{progress.step} {progress.kid}")
            bar.update(task, completed=progress.done, total=progress.total)

        yield tell
