"""The commands of `ephraim-db rls`, one a file.

init.py ----------------------> source.py (a database to look at) --> ephraim_db.rls.guessing
matrix.py, accept.py, check.py --> running.py, source.py -----------> ephraim_db.rls
                               --> reporting.py (how it is told)
mutate.py ---------------------> source.py, mutation_report.py -----> ephraim_db.rls.mutants
"""

from __future__ import annotations

import click

from ephraim_db.cli.rls.accept import accept
from ephraim_db.cli.rls.check import check
from ephraim_db.cli.rls.init import init
from ephraim_db.cli.rls.matrix import matrix
from ephraim_db.cli.rls.mutate import mutate


@click.group()
def rls() -> None:
    """Observe what row-level security really lets people do."""


for _command in (init, matrix, accept, check, mutate):
    rls.add_command(_command)
