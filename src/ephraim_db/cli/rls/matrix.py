"""`ephraim-db rls matrix`: observe what every persona can do, and tell it.

Exit status, for scripts: 0 the matrix was observed; 1 a finding is as bad as --fail-on, or a
suppression is stale; 2 it could not be observed.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import cast

import click
from rich.console import Console

from ephraim_db.cli.rls.running import observe_project, observing_options
from ephraim_db.rls.findings import STALE, Examined, Severity, at_least
from ephraim_db.rls.report import as_json, print_findings, print_matrix

NARROWEST = 100
"""Columns of the report where the terminal does not say, or says fewer."""


@click.command()
@observing_options
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@click.option(
    "--fail-on",
    type=click.Choice(["error", "warning", "none"]),
    default="none",
    show_default=True,
    help="Exit with 1 if there is a finding as bad as that, or worse.",
)
def matrix(project: Path, database_url: str | None, form: str, postgres: str, fail_on: str) -> None:
    """Try every command on every relation as every persona, and roll all of it back.

    The personas are those of supabase/rls.toml. Without --database-url, a Postgres of its own is
    started, and the migrations and the seed are applied.
    """
    examined = observe_project(project, database_url, postgres)
    if form == "json":
        click.echo(as_json(examined.matrix, examined.findings))
    else:
        console = Console()
        console.width = max(console.width, NARROWEST)
        print_findings(console, examined.findings)
        console.print()
        print_matrix(console, examined.matrix)
    if _fails(examined, fail_on):
        sys.exit(1)


def _fails(examined: Examined, fail_on: str) -> bool:
    if any(finding.rule == STALE for finding in examined.findings):
        return True
    return fail_on != "none" and bool(at_least(cast("Severity", fail_on), examined.findings))
