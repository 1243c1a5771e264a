"""`ephraim-db demo`: the whole story on a local Supabase, as an admin, a worker and a matrix.

start -> publish a throwaway key -> admin: read, change, read, test -> worker: be refused -> matrix
--> the settings page
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from time import monotonic

import click
import psycopg
import supabase
from rich.console import Console

from ephraim_db.cli.demo_sms import send_test
from ephraim_db.cli.serve import serve_until_interrupted
from ephraim_db.cli.throwaway import publish_throwaway_key
from ephraim_db.client import Client
from ephraim_db.errors import AdminRequired
from ephraim_db.local import LocalSupabase, start_local
from ephraim_db.organizations import Organization
from ephraim_db.rls import Personas, observe_matrix, read_personas
from ephraim_db.rls.report import print_matrix
from ephraim_db.sealing import Keyring

ACCOUNT_SID = "AC" + "0" * 32
AUTH_TOKEN = "a Twilio auth token"  # noqa: S105 - nobody's
WIDTH = 100
"""Columns that the matrix needs."""


@click.command()
@click.option("--project", type=click.Path(path_type=Path), default=Path(), metavar="DIR")
@click.option("--postgres", default="auto", envvar="EPHRAIM_DB_POSTGRES", show_default=True)
@click.option("--serve/--no-serve", default=True, help="Serve the settings page at the end.")
def demo(project: Path, postgres: str, serve: bool) -> None:
    """Tell the whole story on a local Supabase, then serve the settings page until Ctrl-C."""
    console = Console(highlight=False)
    console.width = max(console.width, WIDTH)
    started = monotonic()
    personas = read_personas(project / "supabase" / "rls.toml")
    with start_local(
        project, postgres=postgres, on_progress=partial(console.print, style="dim")
    ) as local:
        console.print(f"A local Supabase is up at {local.api_url} ({monotonic() - started:.1f} s).")
        key = publish_throwaway_key(local)
        admin = sign_in(local, personas, "admin")
        _admin(console, admin)
        send_test(console, local, key, admin, AUTH_TOKEN)
        _worker(console, sign_in(local, personas, "worker"))
        console.rule("What each persona can really do")
        with psycopg.connect(local.db_url) as connection:
            print_matrix(console, observe_matrix(connection, personas))
        if serve:
            console.rule("The settings page")
            serve_until_interrupted(local, personas, Keyring([key]))
    console.print(f"Stopped; nothing is left running ({monotonic() - started:.1f} s in all).")


def sign_in(local: LocalSupabase, personas: Personas, name: str) -> Client:
    """Return a client that acts as the persona."""
    token = local.access_token(str(personas[name].sub))
    options = supabase.ClientOptions(headers={"Authorization": f"Bearer {token}"})
    return Client(supabase.create_client(local.api_url, local.anon_key, options))


def _admin(console: Console, client: Client) -> None:
    console.rule("As the organization's admin")
    _show(console, "get_organization()", client.get_organization())
    changed = client.update_organization_settings(
        twilio_account_sid=ACCOUNT_SID,
        twilio_auth_token=AUTH_TOKEN,
        twilio_phone_number="+61491570006",
    )
    _show(console, "update_organization_settings(twilio_account_sid=..., ...)", changed)


def _worker(console: Console, client: Client) -> None:
    console.rule("As a worker of the same organization")
    _show(console, "get_organization()", client.get_organization())
    try:
        client.update_organization_settings(twilio_phone_number="+61491570156")
    except AdminRequired as refusal:
        console.print(f"update_organization_settings(...) -> AdminRequired: {refusal}")
    page = client.list_sms_logs(page_size=3)
    for log in page.items:
        console.print(
            f"list_sms_logs() -> {log.created_at:%d %b %H:%M} {log.status} {log.to_phone}"
        )


def _show(console: Console, call: str, organization: Organization) -> None:
    console.print(f"{call} ->")
    for field in ("name", "twilio_account_sid", "twilio_auth_token_set", "twilio_phone_number"):
        console.print(f"    {field} = {getattr(organization, field)!r}")
