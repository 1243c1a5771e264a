"""`ephraim-db rls check`: compare what is so with what was agreed.

Exit status, for scripts: 0 it is the same; 1 something differs or, if findings were searched for,
one is as bad as --fail-on or a suppression is stale; 2 it could not run.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ephraim_db.cli.connecting import CannotRun
from ephraim_db.cli.meanwhile import import_meanwhile, meanwhile
from ephraim_db.cli.rls.reporting import fails, reporting_options, tell
from ephraim_db.cli.rls.running import OBSERVING, PRINTING, SEARCHING, contract_of, observe_project
from ephraim_db.cli.rls.source import Source, observing_options
from ephraim_db.errors import InvalidContract

if TYPE_CHECKING:
    from ephraim_db.rls import Matrix
    from ephraim_db.rls.contract import Facts


@click.command()
@observing_options
@reporting_options
def check(source: Source, form: str, files: tuple[Path, ...], fail_on: str) -> None:
    """Compare what every persona can do with supabase/rls.contract.

    Everything is tried as `rls matrix` tries it. Each difference is told as a sentence. Findings
    are searched for if something differs, or if --fail-on, --format or --write ask for them.
    """
    from ephraim_db.rls.contract import AS_AGREED, facts_in, facts_of, lines_of

    path = contract_of(source.project)
    importing = import_meanwhile(*OBSERVING)
    try:
        lines = lines_of(path)

        def read() -> Facts:
            importing.result()  # what the next call to the database needs, first
            return facts_in(path, lines)

        reading = meanwhile(read)
        if source.database_url is None:  # to make one takes longer than to read this
            reading.result()
    except InvalidContract as error:
        raise CannotRun(str(error)) from error
    asked_for = fail_on != "none" or form != "text" or bool(files)
    needing = (*SEARCHING, *PRINTING) if asked_for else ()

    def worth_searching(matrix: Matrix) -> bool:
        return facts_of(matrix) != reading.result() or asked_for

    examined = observe_project(source, worth_searching=worth_searching, needing=needing)
    if not examined.searched:
        click.echo(AS_AGREED)
        return
    from ephraim_db.rls.report import Places, Report

    report = Report.of(examined, Places(source.project), reading.result())
    tell(report, form, files)
    if report.differences or fails(report, fail_on):
        sys.exit(1)
