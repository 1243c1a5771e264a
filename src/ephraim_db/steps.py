"""Work as values: what the client asks Supabase for, without doing it.

domain function --yields--> Caller | Read | Update | Insert | Pause --run.py--> answer
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from uuid import UUID

from ephraim_db.errors import TimedOut, Unavailable

Row = dict[str, Any]
Result = TypeVar("Result")
Item = TypeVar("Item")

# Seconds to wait before a read is tried again. A write is never repeated: it may have happened.
PAUSES = (0.2, 0.8)


@dataclass(frozen=True, slots=True)
class Caller:
    """Ask which user the client acts as; the answer is a `UUID`, the id in auth.users."""


@dataclass(frozen=True, slots=True)
class Read(Generic[Item]):
    """Ask for rows, each column by name; the answer is a list of `item`s, checked.

    `item` is a dataclass whose fields are the columns, or `Row`. `filters` are PostgREST's: a
    column and an operator with its value, such as `eq.1`.
    """

    table: str
    item: type[Item]
    columns: tuple[str, ...]
    filters: tuple[tuple[str, str], ...] = ()
    order: str | None = None
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Update:
    """Change the row with that id; the answer counts the rows touched: 1, or 0 if it is hidden.

    There is no update of more than one row, so none without a filter.
    """

    table: str
    id: UUID
    values: Mapping[str, object] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Insert:
    """Add one row; the answer is that `Row`, with the `columns` that are named."""

    table: str
    columns: tuple[str, ...]
    values: Mapping[str, object] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait, in seconds; the answer is None."""

    seconds: float


Step = Caller | Read[Any] | Update | Insert | Pause
Steps = Generator[Step, Any, Result]


def equals(column: str, value: object) -> tuple[str, str]:
    """Return the filter for rows whose `column` is `value`."""
    return column, f"eq.{value}"


def caller() -> Steps[UUID]:
    """Return the id of the user the client acts as."""
    user: UUID = yield Caller()
    return user


def read(step: Read[Item]) -> Steps[list[Item]]:
    """Return the rows, after up to two more tries while Supabase is unavailable."""
    rows: list[Item]
    for seconds in PAUSES:
        try:
            rows = yield step
        except TimedOut:  # it has waited long enough
            raise
        except Unavailable:
            yield Pause(seconds)
        else:
            return rows
    rows = yield step
    return rows


def update(step: Update) -> Steps[int]:
    """Return the number of rows touched, 0 or 1."""
    touched: int = yield step
    return touched


def insert(step: Insert) -> Steps[Row]:
    """Return the row that was added."""
    rows: list[Row] = yield step
    return rows[0]
