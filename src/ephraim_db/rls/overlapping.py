"""Let Postgres work on one thing while this process thinks about another.

one work:  thinks | calls ......... | thinks | calls ......
another:            thinks .. waits | calls ......| thinks
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Sequence
from typing import Any, TypeVar

import psycopg

from ephraim_db.rls.sending import Call

T = TypeVar("T")
Rows = Sequence[tuple[Any, ...]]
Work = Generator[Call, Rows, T]
"""Yields what to call, is sent the rows that come of it, and returns what it came to."""


def finish(connection: psycopg.Connection[Any], work: Work[T]) -> T:
    """Do one work to its end, waiting for each call."""
    try:
        call = next(work)
        while True:
            call = work.send(connection.execute(*call).fetchall())
    except StopIteration as ended:
        result: T = ended.value
        return result


def finish_all(connection: psycopg.Connection[Any], works: Iterable[Work[T]]) -> list[T]:
    """Do all to their ends and return what they came to, in their order.

    Two are under way at a time, and their calls take turns: none may depend on the other's.
    """
    found: dict[int, T] = {}
    coming = enumerate(works)
    ready: deque[tuple[int, Work[T], Call]] = deque()

    def think(number: int, work: Work[T], rows: Rows | None) -> None:
        try:
            ready.append((number, work, next(work) if rows is None else work.send(rows)))
        except StopIteration as ended:
            found[number] = ended.value

    answered: tuple[int, Work[T], Rows] | None = None
    with connection.pipeline():
        while True:
            asked = ready.popleft() if ready else None
            cursor = connection.execute(*asked[2]) if asked else None
            if answered:
                think(*answered)
                answered = None
            while not ready and (new := next(coming, None)):
                think(*new, None)
            if asked and cursor:
                answered = (*asked[:2], cursor.fetchall())
            elif not ready:
                return [found[number] for number in sorted(found)]
