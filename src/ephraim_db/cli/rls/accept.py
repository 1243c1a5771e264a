"""`ephraim-db rls accept`: agree to what is so, by writing supabase/rls.contract."""

from __future__ import annotations

from contextlib import suppress

import click
from rich.console import Console

from ephraim_db.cli.rls.running import contract_of, observe_project
from ephraim_db.cli.rls.source import Source, observing_options
from ephraim_db.errors import InvalidContract
from ephraim_db.rls.contract import Facts, read_contract, write_contract
from ephraim_db.rls.report import Places, Report, print_report


@click.command()
@observing_options
def accept(source: Source) -> None:
    """Write what every persona can do to supabase/rls.contract, for `rls check` to hold it.

    What changes by it is told, with the findings, which are not part of the contract. Look at the
    file's diff, and commit it.
    """
    path = contract_of(source.project)
    agreed: Facts | None = None
    with suppress(InvalidContract):  # there is none yet, or this is how to repair it
        agreed = read_contract(path)
    examined = observe_project(source)
    report = Report.of(examined, Places(source.project), agreed or frozenset())
    facts = report.facts
    write_contract(path, facts)
    if agreed is not None:
        print_report(Console(soft_wrap=True), report)
    click.echo(f"{path}: {len(facts)} facts, {len(report.matrix.unproven)} of them unproven")
