"""`ephraim-db rls init`: write a supabase/rls.toml of guesses, for you to correct."""

from __future__ import annotations

import re
from collections.abc import Callable

import click

from ephraim_db.cli.connecting import CannotRun
from ephraim_db.cli.rls.progress import progress
from ephraim_db.cli.rls.source import Source, observing_options
from ephraim_db.errors import EphraimError
from ephraim_db.rls.guessing import as_toml, exposed_schemas, guess

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@click.command()
@observing_options
def init(source: Source) -> None:
    """Write supabase/rls.toml: who there is to act as, and which column says whose row it is.

    The database is looked at for users, for where they belong, and for columns with usual names.
    An rls.toml that is there is left alone.
    """
    path = source.personas
    if path.exists():
        raise CannotRun(f"{path} is there already: move it away to have another one guessed")
    with progress() as say:
        try:
            with source.connected(say) as connection:
                schemas, lasts = exposed_schemas(source.project), _lasts(source)
                found = guess(connection, schemas, lasts)
                if not found.is_seeded and guess(connection, schemas).is_seeded:
                    say("the seed gives its users other ids each time: people are made instead")
        except EphraimError as error:
            raise CannotRun(str(error)) from error
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(as_toml(found), encoding="utf-8")
    except OSError as error:
        raise CannotRun(f"{path} cannot be written: {error.strerror}") from error
    click.echo(str(found))
    click.echo(f"{path} is written: correct it, then run `ephraim-db rls matrix`")


def _lasts(source: Source) -> Callable[[str], bool]:
    """Return what tells whether an id is there the next time: if it is written in a file."""
    if source.database_url is not None:
        return lambda _id: True
    files = (source.project / "supabase").rglob("*.sql")
    text = "\n".join(file.read_text(errors="replace") for file in files if file.is_file()).lower()
    return lambda key: not UUID.fullmatch(key) or key in text
