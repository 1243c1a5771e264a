"""Send a group of statements in one round trip; if one fails, say which, where and why."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.rows import tuple_row

from ephraim_db.errors import MigrationFailed
from ephraim_db.migrations.foreign import flaw_of
from ephraim_db.migrations.statements import Statement


@dataclass(frozen=True, slots=True)
class Script:
    """A file of SQL and the statements in it."""

    path: Path
    sql: str
    statements: Sequence[Statement]


@dataclass(frozen=True, slots=True)
class Step:
    """A query to send; `statement` is its index in the script, None if the script lacks it."""

    query: str
    parameters: tuple[object, ...] | None = None
    statement: int | None = None


# `do` and `call` commit what came before, if their body says so.
_COULD_COMMIT = re.compile(r"(?:do|call)\b", re.IGNORECASE)
_MARK = Step("select pg_catalog.pg_current_xact_id()")

# Without it a deferred constraint would fail between two answers, where psycopg expects none.
_CHECK = Step("set constraints all immediate")


def run_group(
    connection: psycopg.Connection[Any],
    script: Script,
    steps: Sequence[Step],
    *,
    left_behind: bool = False,
) -> None:
    """Send `steps`, where Postgres runs nothing after one that fails; raises `MigrationFailed`.

    `left_behind`: whether what ran before this group stays if it fails.
    """
    if len(steps) > 1:
        steps = (*steps, _CHECK)
        steps = _with_mark(script, steps)
    refuse_foreign(connection, script, steps, left_behind=left_behind)
    cursors = [connection.cursor(row_factory=tuple_row) for _ in steps]
    error = _send_all(connection, cursors, steps)
    if error is not None:
        done = sum(cursor.pgresult is not None for cursor in cursors)
        step = steps[min(done, len(steps) - 1)]
        leave_transaction(connection)
        if _MARK in steps[:done]:
            left_behind |= _is_committed(connection, cursors[steps.index(_MARK)])
        raise _failure(error, script, step, left_behind)  # no `from`: psycopg's holds the DETAIL


def refuse_foreign(
    connection: psycopg.Connection[Any],
    script: Script,
    steps: Sequence[Step],
    *,
    left_behind: bool = False,
) -> None:
    """Raise `MigrationFailed` for the first of `steps` that is not for a migration."""
    for step in steps:
        if flaw := flaw_of(_code(script, step)):
            leave_transaction(connection)
            raise _failure(psycopg.NotSupportedError(flaw), script, step, left_behind)


def _with_mark(script: Script, steps: Sequence[Step]) -> tuple[Step, ...]:
    """Have the transaction named before the first statement that could commit it."""
    for index, step in enumerate(steps):
        if _COULD_COMMIT.match(_code(script, step)):
            return (*steps[:index], _MARK, *steps[index:])
    return tuple(steps)


def _is_committed(connection: psycopg.Connection[Any], mark: psycopg.Cursor[Any]) -> bool:
    transaction = mark.fetchone()
    if connection.closed or transaction is None:
        return True  # perhaps
    row = connection.execute("select pg_catalog.pg_xact_status(%s) = 'committed'", transaction)
    return bool((row.fetchone() or [True])[0])


def _send_all(
    connection: psycopg.Connection[Any],
    cursors: Sequence[psycopg.Cursor[Any]],
    steps: Sequence[Step],
) -> psycopg.Error | None:
    """Send `steps` and return the first error; the cursors of those that ran have a result."""
    if len(steps) == 1:
        return _send(connection, cursors[0], steps[0])
    error = None
    try:
        with connection.pipeline():
            for cursor, step in zip(cursors, steps, strict=True):
                error = error or _send(connection, cursor, step)
            if error is not None and error.sqlstate is None:
                connection.close()  # never sent, so Postgres would commit what came before
    except psycopg.Error as late:
        error = error or late
    return error


def _send(
    connection: psycopg.Connection[Any], cursor: psycopg.Cursor[Any], step: Step
) -> psycopg.Error | None:
    try:
        query = step.query.encode(connection.info.encoding)
        cursor.execute(query, step.parameters, prepare=False)
    except psycopg.Error as error:
        return error
    return None


def start_afresh(connection: psycopg.Connection[Any]) -> None:
    """Forget what a script set; files are UTF-8, whatever the connection speaks otherwise."""
    connection.execute("reset all")
    connection.execute("set client_encoding = 'UTF8'")


def leave_transaction(connection: psycopg.Connection[Any]) -> bool:
    """Roll back what a script left open; whether there was anything."""
    status = connection.info.transaction_status
    if connection.closed or status is TransactionStatus.IDLE:
        return False
    if status in (TransactionStatus.INTRANS, TransactionStatus.INERROR):
        connection.execute("rollback")
    else:  # half-way through an answer: nothing more can be asked
        connection.close()
    return True


def _code(script: Script, step: Step) -> str:
    if step.statement is None:
        return ""
    statement = script.statements[step.statement]
    return statement.text[statement.code :]


def _failure(
    error: psycopg.Error, script: Script, step: Step, left_behind: bool
) -> MigrationFailed:
    says = error.diag.message_primary or str(error).strip().splitlines()[0]
    number = line = None
    head = ""
    where = f"{script.path.name}: {'the commit' if step.parameters is None else 'recording it'}"
    if step.statement is not None:
        statement = script.statements[step.statement]
        number, head = step.statement + 1, statement.head
        position = int(error.diag.statement_position or 0)
        at = statement.offset + (position - 1 if position else statement.code)
        line = script.sql.count("\n", 0, at) + 1
        where = f"{script.path.name}:{line}: statement {number} ({head})"
    code = f" [{error.diag.sqlstate}]" if error.diag.sqlstate else ""
    hint = f" Hint: {error.diag.message_hint}" if error.diag.message_hint else ""
    return MigrationFailed(
        f"{where} failed: {says}{code}.{hint} {_next(error, step, left_behind)}",
        path=script.path,
        statement=number,
        line=line,
        head=head,
        sqlstate=error.diag.sqlstate,
        postgres_message=says,
        left_behind=left_behind,
    )


def _is_lost(error: psycopg.OperationalError) -> bool:
    """Whether the connection is gone, so that what was under way may have happened."""
    return error.sqlstate is None or error.sqlstate.startswith(("08", "57P"))


def _next(error: psycopg.Error, step: Step, left_behind: bool) -> str:
    """Say what state this leaves and what to do about it."""
    if isinstance(error, psycopg.OperationalError) and _is_lost(error):
        return "The connection was lost: see what was applied with `ephraim-db migrate status`."
    if step.parameters is not None and isinstance(error, psycopg.errors.InsufficientPrivilege):
        return "Nothing of it was applied. If it sets a role, end it with `reset role`."
    if step.parameters is not None and isinstance(error, psycopg.errors.UniqueViolation):
        return "Nothing of it was applied: somebody else just did. Run again."
    if isinstance(error, psycopg.errors.DiskFull) and not left_behind:
        return "Nothing of the file was applied. Free some space on its disk and run again."
    if left_behind:
        return "The statements before it stay applied, and the file is not recorded."
    return "Nothing of the file was applied. Mend it and run again."
