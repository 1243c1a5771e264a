"""The commands of `ephraim-db rls`, one a file.

init.py ----------------------> source.py (a database to look at) --> ephraim_db.rls.guessing
matrix.py, accept.py, check.py --> running.py, source.py -----------> ephraim_db.rls
                               --> reporting.py (how it is told)
mutate.py ---------------------> source.py, mutation_report.py -----> ephraim_db.rls.mutants
"""

from __future__ import annotations

import click

from ephraim_db.cli.importing import import_command

_COMMANDS = ("init", "matrix", "accept", "check", "mutate")


class _Lazy(click.Group):
    """Imports a command when it is called: starting is a good part of a short run."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        return import_command(f"{__name__}.{cmd_name}", of="rls", extra="rls")


@click.group(cls=_Lazy)
def rls() -> None:
    """Observe what row-level security really lets people do."""
