"""`ephraim-db rls init`: write a supabase/rls.toml of guesses, for you to correct."""

from __future__ import annotations

import click

from ephraim_db.cli.connecting import CannotRun
from ephraim_db.cli.rls.progress import progress
from ephraim_db.cli.rls.source import Source, observing_options
from ephraim_db.errors import EphraimError
from ephraim_db.rls.guessing import as_toml, exposed_schemas, guess


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
                found = guess(connection, exposed_schemas(source.project))
        except EphraimError as error:
            raise CannotRun(str(error)) from error
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(as_toml(found), encoding="utf-8")
    except OSError as error:
        raise CannotRun(f"{path} cannot be written: {error.strerror}") from error
    click.echo(str(found))
    click.echo(f"{path} is written: correct it, then run `ephraim-db rls matrix`")
