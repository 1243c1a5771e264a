"""`ephraim-db rls accept`: agree to what is so, by writing supabase/rls.contract."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import click
from rich.console import Console

from ephraim_db.cli.rls.running import contract_of, observe_project, observing_options
from ephraim_db.errors import InvalidContract
from ephraim_db.rls.contract import Facts, read_contract, write_contract
from ephraim_db.rls.report import Places, Report, print_report


@click.command()
@observing_options
def accept(project: Path, database_url: str | None, postgres: str) -> None:
    """Write what every persona can do to supabase/rls.contract, for `rls check` to hold it.

    What changes by it is told, with the findings, which are not part of the contract. Look at the
    file's diff, and commit it.
    """
    path = contract_of(project)
    agreed: Facts | None = None
    with suppress(InvalidContract):  # there is none yet, or this is how to repair it
        agreed = read_contract(path)
    examined = observe_project(project, database_url, postgres)
    report = Report.of(examined.matrix, examined.findings, Places(project), agreed or frozenset())
    write_contract(path, report.facts)
    if agreed is not None:
        print_report(Console(soft_wrap=True), report)
    click.echo(f"{path}: {len(report.facts)} facts, {len(report.matrix.unproven)} of them unproven")
