"""`ephraim-db serve`: the settings page over a local Supabase, for development, until Ctrl-C."""

from __future__ import annotations

import ipaddress
import threading
from pathlib import Path

import click

from ephraim_db.cli.throwaway import publish_throwaway_key
from ephraim_db.local import LocalSupabase, start_local
from ephraim_db.rls import Personas, read_personas
from ephraim_db.sealing import Keyring
from ephraim_db.web.development import Pretended, serve_settings_page


def _loopback(_: click.Context, __: click.Parameter, host: str) -> str:
    try:
        ours = ipaddress.ip_address(host).is_loopback
    except ValueError:
        ours = host == "localhost"
    if not ours:
        raise click.BadParameter(
            f"{host} is not this machine alone. This page lets whoever opens it act as anybody, so "
            "it is served on 127.0.0.1 only. For others, mount ephraim_db.web.create_app(...)."
        )
    return host


@click.command()
@click.option(
    "--project",
    type=click.Path(path_type=Path),
    default=Path(),
    show_default="this folder",
    metavar="DIR",
    help="The folder that holds supabase/.",
)
@click.option("--postgres", default="auto", envvar="EPHRAIM_DB_POSTGRES", show_default=True)
@click.option(
    "--host",
    default="127.0.0.1",
    callback=_loopback,
    expose_value=False,
    show_default=True,
    help="This machine's loopback; anything else is refused.",
)
@click.option("--port", type=click.IntRange(1, 65535), default=8000, show_default=True)
def serve(project: Path, postgres: str, port: int) -> None:
    """Serve the settings page with a pretended Twilio and Xero, and a bar to switch persona."""
    personas = read_personas(project / "supabase" / "rls.toml")
    with start_local(project, postgres=postgres, on_progress=_say) as local:
        keyring = Keyring([publish_throwaway_key(local)])
        serve_until_interrupted(local, personas, keyring, port=port)


def serve_until_interrupted(
    local: LocalSupabase, personas: Personas, keyring: Keyring, *, port: int | None = None
) -> None:
    """Serve the page over `local`, on a free port for None, until Ctrl-C or SIGTERM."""
    subs = {persona.name: str(persona.sub) for persona in personas.everyone if persona.sub}
    with serve_settings_page(local, subs, keyring, port=port) as page:
        click.echo(f"\n{page.url}\n\n{instructions(Pretended())}\n\nCtrl-C stops it.")
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            click.echo("")


def instructions(known: Pretended) -> str:
    """Return what to enter on the page: accounts that exist on this machine only."""
    return (
        "Nothing leaves this machine; Twilio and Xero are pretended. They know these accounts:\n"
        f"  Twilio  Account SID    {known.twilio_account_sid}\n"
        f"          Auth Token     {known.twilio_auth_token}\n"
        f"          Phone Number   {known.twilio_phone_number}\n"
        f"  Xero    Client ID      {known.xero_client_id}\n"
        f"          Client Secret  {known.xero_client_secret}"
    )


def _say(message: str) -> None:
    click.echo(message, err=True)
