"""`ephraim-db rls check`: compare what is so with what was agreed.

Exit status, for scripts: 0 it is the same; 1 something differs or, if findings were searched for,
one is as bad as --fail-on or a suppression is stale; 2 it could not run.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ephraim_db.cli.connecting import CannotRun
from ephraim_db.cli.rls.reporting import fails, reporting_options, tell
from ephraim_db.cli.rls.running import contract_of, observe_project
from ephraim_db.cli.rls.source import Source, observing_options
from ephraim_db.errors import InvalidContract
from ephraim_db.rls.contract import facts_of, read_contract
from ephraim_db.rls.report import Places, Report


@click.command()
@observing_options
@reporting_options
def check(source: Source, form: str, files: tuple[Path, ...], fail_on: str) -> None:
    """Compare what every persona can do with supabase/rls.contract.

    Everything is tried as `rls matrix` tries it. Each difference is told as a sentence. Findings
    are searched for if something differs, or if --fail-on, --format or --write ask for them.
    """
    try:
        agreed = read_contract(contract_of(source.project))
    except InvalidContract as error:
        raise CannotRun(str(error)) from error
    asked_for = fail_on != "none" or form != "text" or bool(files)
    examined = observe_project(
        source, worth_searching=lambda matrix: asked_for or facts_of(matrix) != agreed
    )
    report = Report.of(examined, Places(source.project), agreed)
    tell(report, form, files)
    if report.differences or fails(report, fail_on):
        sys.exit(1)
