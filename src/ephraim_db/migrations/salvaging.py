"""Apply as much of a broken history as applies: a file that fails goes in statement by statement.

apply_migrations --MigrationFailed--> the file again, each statement by itself --> on with the next
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psycopg

from ephraim_db.errors import MigrationFailed
from ephraim_db.migrations.apply import apply_migrations
from ephraim_db.migrations.execute import Script, Step, leave_transaction, run_group, start_afresh
from ephraim_db.migrations.extensions import as_sent, extensions_made_ready
from ephraim_db.migrations.files import Migration, read_sql
from ephraim_db.migrations.ledger import RECORD
from ephraim_db.migrations.plan import controls_transaction
from ephraim_db.migrations.seed import apply_seed, record_seed
from ephraim_db.migrations.statements import split_statements


def salvage_migrations(
    connection: psycopg.Connection[Any],
    migrations: Sequence[Migration],
    *,
    on_progress: Callable[[str], None] | None = None,
) -> list[MigrationFailed]:
    """Apply what applies, record every file as applied, and return what failed.

    For a database that is thrown away: it is left as no run of the files alone would leave it.
    """
    by_path = {migration.path: migration for migration in migrations}
    failures: list[MigrationFailed] = []
    while True:
        try:
            apply_migrations(connection, migrations, include_all=True, on_progress=on_progress)
        except MigrationFailed as failure:
            migration = by_path[failure.path]
            script = Script(migration.path, migration.sql, migration.statements)
            failures += _each_by_itself(connection, script) or [failure]
            texts = [statement.text for statement in migration.statements]
            start_afresh(connection)
            connection.execute(RECORD, (migration.version, migration.name, texts))
        else:
            return failures


def salvage_seed(
    connection: psycopg.Connection[Any],
    project: Path,
    *,
    on_progress: Callable[[str], None] | None = None,
) -> list[MigrationFailed]:
    """Run what runs of the seed files, and return what failed."""
    failures: list[MigrationFailed] = []
    while True:
        try:
            apply_seed(connection, project, on_progress=on_progress)
        except MigrationFailed as failure:
            sql = read_sql(failure.path)
            script = Script(failure.path, sql, split_statements(sql))
            failures += _each_by_itself(connection, script) or [failure]
            record_seed(connection, project, failure.path)
        else:
            return failures


def _each_by_itself(connection: psycopg.Connection[Any], script: Script) -> list[MigrationFailed]:
    """Run each statement in a transaction of its own, and none that would open or end one."""
    failures = []
    start_afresh(connection)
    ready = extensions_made_ready(connection)
    for index, statement in enumerate(script.statements):
        code = statement.text[statement.code :]
        if not code or controls_transaction(code):
            continue
        step = Step(as_sent(statement, ready), statement=index)
        try:
            run_group(connection, script, [step], left_behind=True)
        except MigrationFailed as failure:
            failures.append(failure)
    leave_transaction(connection)
    start_afresh(connection)
    return failures
