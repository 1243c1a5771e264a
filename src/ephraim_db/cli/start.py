"""`ephraim-db start`: a local Supabase until Ctrl-C, its addresses and keys on stdout."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import click

from ephraim_db.local import LocalSupabase, start_local


@click.command()
@click.option(
    "--project",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="The folder that holds supabase/; its migrations and seed are applied.  "
    "[default: this folder if it does, else an empty Supabase]",
)
@click.option(
    "--postgres",
    default="auto",
    envvar="EPHRAIM_DB_POSTGRES",
    metavar="embedded|system|docker|URL",
    help="Where Postgres comes from; also in EPHRAIM_DB_POSTGRES, where a URL does not show in "
    "the list of processes.  [default: the version in config.toml; system, else embedded]",
)
@click.option(
    "--port", type=click.IntRange(1, 65535), help="The port of API_URL.  [default: a free one]"
)
@click.option("--output", type=click.Choice(["env", "json"]), default="env", show_default=True)
def start(project: Path | None, postgres: str, port: int | None, output: str) -> None:
    """Run a local Supabase until Ctrl-C: Postgres, PostgREST and one URL with /rest/v1.

    Prints API_URL, DB_URL, ANON_KEY, SERVICE_ROLE_KEY and JWT_SECRET, named as `supabase status`
    names them, once requests are answered. Progress goes to stderr. Nothing is left behind.
    """
    if project is None and Path("supabase").is_dir():
        project = Path()
    ready = False
    try:
        with start_local(project, postgres=postgres, port=port, on_progress=_say) as local:
            ready = True
            click.echo(_shown(local, output))
            _say("ready; Ctrl-C stops it")
            threading.Event().wait()
    except KeyboardInterrupt:
        if not ready:
            raise
        _say("stopped")


def _shown(local: LocalSupabase, output: str) -> str:
    names = {
        "API_URL": local.api_url,
        "DB_URL": local.db_url,
        "ANON_KEY": local.anon_key,
        "SERVICE_ROLE_KEY": local.service_role_key,
        "JWT_SECRET": local.jwt_secret,
    }
    if output == "json":
        return json.dumps(names, indent=2)
    return "\n".join(f'{name}="{value}"' for name, value in names.items())


def _say(message: str) -> None:
    click.echo(message, err=True)
