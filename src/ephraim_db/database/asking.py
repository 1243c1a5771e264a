"""What a service asks of Postgres, as steps: one statement, or several in one transaction."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, LiteralString, NoReturn, TypeVar

from ephraim_db.steps import Row

Result = TypeVar("Result")
Steps = Generator[Any, Any, Result]


@dataclass(frozen=True, slots=True)
class Query:
    """Ask Postgres; the answer is a list of `Row`, empty where the statement returns none.

    `params` fill `%(name)s`. They can be personal data: neither a repr nor an error shows them.
    """

    sql: LiteralString
    params: Mapping[str, object] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Transaction:
    """Perform `steps` in one transaction; the answer is what they return.

    An error that leaves them rolls all of it back. Inside another transaction it is a savepoint.
    """

    steps: Steps[Any] = field(repr=False)


def rows(sql: LiteralString, **params: object) -> Steps[list[Row]]:
    """Return the rows of one statement, each a dict of the columns it names."""
    return (yield from rows_of(Query(sql, params)))


def first_row(sql: LiteralString, **params: object) -> Steps[Row | None]:
    """Return the first row of one statement, or None."""
    answer = yield from rows(sql, **params)
    return answer[0] if answer else None


def together(steps: Steps[Result]) -> Steps[Result]:
    """Perform `steps` in one transaction; return what they return."""
    result: Result = yield Transaction(steps)
    return result


def rows_of(query: Query) -> Steps[list[Row]]:
    """Return the rows of a query."""
    answer: list[Row] = yield query
    return answer


def nothing_else(step: object) -> NoReturn:
    """Perform no step: the service has none but the database's."""
    raise TypeError(f"nobody performs {type(step).__name__}")
