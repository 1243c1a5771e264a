"""The commands of `ephraim-db rls`, one a file.

matrix.py --> running.py (a database to observe) --> ephraim_db.rls
"""

from __future__ import annotations

import click

from ephraim_db.cli.rls.matrix import matrix


@click.group()
def rls() -> None:
    """Observe what row-level security really lets people do."""


rls.add_command(matrix)
