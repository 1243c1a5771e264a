"""Send a group of statements in one round trip; if one fails, say which, where and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus

from ephraim_db.errors import MigrationFailed
from ephraim_db.migrations.statements import Statement


@dataclass(frozen=True, slots=True)
class Step:
    """A query to send; `statement` is its index in the file, None if the file does not hold it."""

    query: str
    parameters: tuple[object, ...] | None = None
    statement: int | None = None


def run_group(
    connection: psycopg.Connection[Any],
    steps: Sequence[Step],
    *,
    path: Path,
    sql: str,
    statements: Sequence[Statement],
    left_behind: bool,
) -> None:
    """Send `steps`; Postgres runs those after a failed one not at all. Raises `MigrationFailed`."""
    failure = None
    cursors = [connection.cursor() for _ in steps]
    try:
        if len(steps) == 1:
            _send(connection, cursors[0], steps[0])
        else:
            with connection.pipeline():
                for cursor, step in zip(cursors, steps, strict=True):
                    _send(connection, cursor, step)
    except psycopg.Error as error:
        done = sum(cursor.pgresult is not None for cursor in cursors)
        failed = steps[min(done, len(steps) - 1)]
        failure = _failure(error, failed, path, sql, statements, left_behind)
    if failure is not None:  # outside the handler: psycopg's error has the DETAIL
        if (
            not connection.broken
            and connection.info.transaction_status is not TransactionStatus.IDLE
        ):
            connection.execute("rollback")
        raise failure


def _send(connection: psycopg.Connection[Any], cursor: psycopg.Cursor[Any], step: Step) -> None:
    query = step.query.encode(connection.info.encoding)
    cursor.execute(query, step.parameters, prepare=False)


def _failure(
    error: psycopg.Error,
    step: Step,
    path: Path,
    sql: str,
    statements: Sequence[Statement],
    left_behind: bool,
) -> MigrationFailed:
    diagnostics = error.diag
    says = diagnostics.message_primary or str(error).strip().splitlines()[0]
    line = None
    where = f"{path.name}: recording it"
    if step.statement is not None:
        statement = statements[step.statement]
        position = int(diagnostics.statement_position or 0)
        at = statement.offset + (position - 1 if position else statement.code)
        line = sql.count("\n", 0, at) + 1
        where = f"{path.name}:{line}: statement {step.statement + 1} ({statement.head})"
    code = f" [{diagnostics.sqlstate}]" if diagnostics.sqlstate else ""
    hint = f" Hint: {diagnostics.message_hint}" if diagnostics.message_hint else ""
    left = (
        "The statements before it stay applied, and the file is not recorded."
        if left_behind
        else "Nothing of the file was applied."
    )
    return MigrationFailed(
        f"{where} failed: {says}{code}.{hint} {left} Mend the file and run again.",
        path=path,
        statement=None if step.statement is None else step.statement + 1,
        line=line,
        sqlstate=diagnostics.sqlstate,
        postgres_message=says,
        left_behind=left_behind,
    )
