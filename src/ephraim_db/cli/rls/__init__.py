"""The commands of `ephraim-db rls`, one a file.

matrix.py, accept.py, check.py --> running.py (a database to observe) --> ephraim_db.rls
                               --> reporting.py (how it is told)
"""

from __future__ import annotations

import click

from ephraim_db.cli.rls.accept import accept
from ephraim_db.cli.rls.check import check
from ephraim_db.cli.rls.matrix import matrix


@click.group()
def rls() -> None:
    """Observe what row-level security really lets people do."""


for command in (matrix, accept, check):
    rls.add_command(command)
