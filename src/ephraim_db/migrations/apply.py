"""Apply the pending migrations, one transaction each, and record them as the Supabase CLI does.

    lock -> ledger -> conflicts? -> for each pending file: reset all -> group -> group -> ...

A group is sent in one round trip, without waiting between its statements, and commits or fails as
one: it is the implicit transaction of a pipeline, which is what the CLI uses. So what applies here
applies there, and a killed process leaves all of a group or nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import psycopg

from ephraim_db.errors import HistoryConflict, MigrationFailed
from ephraim_db.migrations.execute import (
    Script,
    Step,
    leave_transaction,
    refuse_foreign,
    run_group,
    start_afresh,
)
from ephraim_db.migrations.extensions import as_sent, extensions_made_ready
from ephraim_db.migrations.files import Migration
from ephraim_db.migrations.ledger import RECORD, Recorded, compare, create_ledger, read_ledger
from ephraim_db.migrations.lock import alone
from ephraim_db.migrations.plan import LEDGER, plan_migration

_REMEDIES = {
    "edited": "Restore the files and put the change into a new migration, or, if the database "
    "has it already, run `supabase migration repair --status applied {versions}`.",
    "missing": "Fetch the files from whoever applied them (`supabase migration fetch`), or, if "
    "they are to be forgotten, run `supabase migration repair --status reverted {versions}`.",
    "late": "They are older than the newest applied one. Give them a later version, or apply "
    "them all the same with --include-all.",
}


def apply_migrations(
    connection: psycopg.Connection[Any],
    migrations: Sequence[Migration],
    *,
    include_all: bool = False,
    on_progress: Callable[[str], None] | None = None,
) -> list[Migration]:
    """Apply what is pending, as the connection's role, and return it.

    `connection` must be outside a transaction. Raises `HistoryConflict` before anything is applied
    if an applied file was edited or is gone, or if a pending one is older than the newest applied
    (`include_all` allows that); `MigrationFailed` at the first statement that Postgres refuses:
    the files before it stay applied.
    """
    tell = on_progress or _silence
    with alone(connection, tell):
        start_afresh(connection)
        create_ledger(connection)
        pending = _pending(read_ledger(connection), migrations, include_all=include_all)
        ready = extensions_made_ready(connection)
        for migration in pending:
            tell(f"applying {migration.label}")
            _apply(connection, migration, ready, tell)
    return pending


def _apply(
    connection: psycopg.Connection[Any],
    migration: Migration,
    ready: frozenset[str],
    tell: Callable[[str], None],
) -> None:
    plan = plan_migration(migration)
    if not plan.is_whole:
        tell(f"{migration.label} is not one transaction: if it stops half-way, half is applied")
    script = Script(migration.path, migration.sql, migration.statements)
    texts = [statement.text for statement in migration.statements]
    sent = [as_sent(statement, ready) for statement in migration.statements]
    record = Step(RECORD, (migration.version, migration.name, texts))
    start_afresh(connection)
    every = [Step(text, statement=index) for index, text in enumerate(sent)]
    refuse_foreign(connection, script, every)  # before a file of several transactions is half in
    for number, group in enumerate(plan.groups):
        steps = [
            record if index == LEDGER else Step(sent[index], statement=index) for index in group
        ]
        run_group(connection, script, steps, left_behind=number > 0)
    if leave_transaction(connection):
        raise MigrationFailed(
            f"{migration.label} begins a transaction that it does not commit, so nothing after "
            "that was applied or recorded. End it with commit, or leave begin out: each file is "
            "one transaction already.",
            path=migration.path,
            left_behind=True,
        )


def _pending(
    ledger: dict[str, Recorded], migrations: Sequence[Migration], *, include_all: bool
) -> list[Migration]:
    statuses = compare(ledger, migrations)
    by_state = {
        state: tuple(status.version for status in statuses if status.state == state)
        for state in ("edited", "missing", "pending")
    }
    newest = max(ledger, default="")
    late = tuple(version for version in by_state["pending"] if version < newest)
    conflicts = {
        "edited": ("applied migrations were edited since", by_state["edited"]),
        "missing": ("applied migrations have no file here", by_state["missing"]),
        "late": ("migrations would be applied out of order", () if include_all else late),
    }
    for kind, (what, versions) in conflicts.items():
        if versions:
            listed = " ".join(versions)
            remedy = _REMEDIES[kind].format(versions=listed)
            raise HistoryConflict(f"{what}: {listed}. Nothing was applied. {remedy}", versions)
    return [migration for migration in migrations if migration.version in by_state["pending"]]


def _silence(message: str) -> None:
    """Where nobody asked for progress."""
