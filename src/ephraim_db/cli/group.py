"""The commands by name; each is imported when it is called, so help is quick and needs nothing."""

from __future__ import annotations

from dataclasses import dataclass

import click

from ephraim_db.cli import STOPPED
from ephraim_db.cli.importing import import_command


@dataclass(frozen=True, slots=True)
class _Entry:
    help: str
    extra: str  # what to install for it: ephraim-db[extra]


_COMMANDS = {
    "start": _Entry("Run a local Supabase until Ctrl-C.", "local"),
    "migrate": _Entry("Apply supabase/migrations, with the Supabase CLI's ledger.", "rls"),
    "migrations": _Entry("Put this package's migrations into another project.", "rls"),
    "rls": _Entry("Observe what every persona can really do.", "rls"),
    "keys": _Entry("Make and publish the keys that secrets are sealed to.", "rls"),
    "sms": _Entry("Send SMS, settle what became of them, show the log.", "rls,sms"),
    "xero": _Entry("Look at Xero connections, and end what is left of them.", "rls,xero"),
    "serve": _Entry("Serve the settings page for development.", "local,web,sms,xero"),
    "demo": _Entry("Tell the whole story on a local Supabase.", "local,sms"),
}


class _Lazy(click.Group):
    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo("stopped", err=True)
            ctx.exit(STOPPED)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = _COMMANDS.get(cmd_name)
        if entry is None:
            return None
        return import_command(f"ephraim_db.cli.{cmd_name}", of=cmd_name, extra=entry.extra)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in _COMMANDS.items()])


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="ephraim-db")
def commands() -> None:
    """Hold other people's credentials in Supabase, use them, and prove that RLS holds.

    Ctrl-C or SIGTERM stops a command and leaves nothing behind. The exit status is 130; where the
    command was to run until then, and did, 0.
    """
