"""What row-level security costs on a large SMS log, beside the filter written by hand."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path
from uuid import UUID

import psycopg
from psycopg import sql

from bench.asking import DAY, FAILED, LATEST, PAGE_1000, SUBS, UNNAMED, Asked, asked
from bench.chart import Points, draw
from bench.filling import ACACIA, fill
from bench.results import Goal, Measured, Row, Size, in_turns
from ephraim_db.migrations import apply_migrations, apply_seed, find_migrations
from ephraim_db.postgres import (
    Server,
    clone_database,
    create_database,
    drop_database,
    start_postgres,
)

PROJECT = Path(__file__).parents[1]
ROWS, ORGANIZATIONS = (10_000, 100_000, 1_000_000, 10_000_000), (1, 100, 10_000)
INSERT, UPDATE, SENDER = "insert", "status update", "the sender"
FILTERED, WRITTEN = (LATEST, PAGE_1000, DAY, FAILED), (INSERT, UPDATE)
FLAT = (LATEST, PAGE_1000, FAILED, INSERT, UPDATE)
COST, GROWTH = 1.1, 1.5
SECONDS, FEWEST, MOST = 1.0, 15, 500
BY_HELPERS, BY_LOOKUPS = "dearest", "dearest, beside lookups written out"
BY_IDS = "dearest, beside known ids"
ANEW, WHOLE = "dearest, planned anew", "dearest, whole transaction"

ABOUT = """## Row-level security on a large log

The same statement twice: as a persona, with our policies, and as the owner of the table, with the
filter written by hand. The log has 10 thousand to 10 million rows (n says how far this run went;
the last size takes some minutes) of 1, 100 and 10,000 organizations, and each row of this table is
the number of organizations where the policy costs most. The filter by hand is the policy's,
helpers and all: what is left is what row-level security itself costs. *Beside lookups written out*
it calls no helper: whose organization, whether they are active, staff or the participant of the
message, is asked in the query itself. *Beside known ids* nothing is looked up, as if somebody to be
trusted had told the organization and what they may read. A call of a helper takes 3 to 5 µs, and
there are two or three, which weigh most where the statement itself takes 30. A participant's
queries name the participant ([why](scale.md#participants)); one kind of row shows what becomes of
those that do not, beside a filter that is for participants alone. Inserts and updates are the
sender's.

Statements are prepared, as PostgREST's are, and timed by the client, with the way there and back;
contestants take turns, up to 500 times, and the shortest time of each counts. Each has a backend
that did nothing before, and all share one core with the client, so that no time depends on which
core they met, or on what memory a backend had kept. *Planned anew* is without
preparing, *whole transaction* what PostgREST sends: begin, role and claims, the check of the
headers, the statement, commit; both beside lookups written out. Growth is how many times as long
the largest log of one organization takes as the smallest. n is the rows of the log.
"""

GOALS = (
    *(
        Goal(f"{query}: {BY_HELPERS}", "ratio", "least", 1 / COST)
        for query in (*FILTERED, *WRITTEN)
    ),
    *(Goal(f"{query}: {BY_LOOKUPS}", "ratio", "least", 1 / COST) for query in FILTERED),
    *(Goal(f"{query}: {BY_IDS}", "ratio", "least", 1 / COST) for query in FILTERED),
    *(Goal(f"{query}: {ANEW}", "ratio", "least", 1 / COST) for query in FILTERED),
    *(Goal(f"{query}: {WHOLE}", "ratio", "least", 1 / COST) for query in FILTERED),
    *(Goal(f"{query}: growth", "ours", "most", GROWTH) for query in FLAT),
)

_WRITE = f"""
insert into public.sms_logs as m (organization_id, to_phone, message_body, idempotency_key)
values (
    '{ACACIA}', '+61491570156', 'Your shift on Tuesday begins at 9:00', gen_random_uuid()::text
)
on conflict do nothing
returning m.id
"""
_ADVANCE = f"""
update public.sms_logs as m
set twilio_sid = 'SM' || md5(gen_random_uuid()::text), status = 'queued'
where m.organization_id = '{ACACIA}' and m.id = %s and m.twilio_sid is null
"""


Ways = Mapping[str, Sequence[float]]
"""Seconds of ours and of the other's, by what is compared."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What one query took."""

    query: str
    persona: str
    rows: int
    organizations: int
    ways: Ways

    def cost(self, way: str) -> float:
        """Return how many times as long ours takes."""
        ours, other = self.ways[way]
        return ours / other

    def measured(self, name: str, way: str, version: int) -> Measured:
        """Return the row of that name."""
        ours, other = self.ways[way]
        return Measured(name, ours * 1000, other * 1000, "ms", self.rows, version)


def measure(size: Size) -> Iterator[Measured]:
    """Yield a row for each query, persona and size, then the dearest of each query, and growth."""
    sizes, organizations = (ROWS, ORGANIZATIONS) if size == "full" else ((1_000, 2_000), (1, 10))
    taken: list[Taken] = []
    with start_postgres("embedded") as server:
        create_database(server, "empty")
        with psycopg.connect(server.url("empty", "postgres"), autocommit=True) as owner:
            apply_migrations(owner, find_migrations(PROJECT))
            apply_seed(owner, PROJECT)
        for rows in sizes:
            found = [t for count in organizations for t in _measured(server, rows, count, size)]
            taken += found
            for (query, persona), each in groupby(sorted(found, key=_kind), key=_kind):
                way = BY_LOOKUPS if query == UNNAMED else BY_HELPERS
                dearest = max(each, key=lambda t: t.cost(way))
                name = f"{query}, {persona}, {rows:,} rows"
                yield dearest.measured(name, way, server.version)
        yield from _summed_up(taken, server.version)


def charts(rows: Sequence[Row]) -> dict[str, str]:
    """Return milliseconds over rows, a line for each query whose time should not grow."""
    series: dict[str, Points] = {}
    for query in (LATEST, PAGE_1000, FAILED):
        shape = re.compile(rf"{query}, admin, [\d,]+ rows")
        series[query] = [(row["n"], row["ours"]) for row in rows if shape.fullmatch(row["name"])]
    shape = re.compile(rf"{INSERT}, {SENDER}, [\d,]+ rows")
    series[INSERT] = [(row["n"], row["ours"]) for row in rows if shape.fullmatch(row["name"])]
    title = "Under row-level security: an admin's pages, and the sender's insert"
    return {"scale-time-over-rows.svg": draw(title, "rows in sms_logs", "ms", series)}


def _summed_up(taken: Sequence[Taken], version: int) -> Iterator[Measured]:
    for way in (BY_HELPERS, BY_LOOKUPS, BY_IDS, ANEW, WHOLE):
        for query in (*FILTERED, *WRITTEN):
            if tried := [t for t in taken if t.query == query and way in t.ways]:
                dearest = max(tried, key=lambda t: t.cost(way))
                yield dearest.measured(f"{query}: {way}", way, version)
    for query in FLAT:
        of_one = sorted(
            (t.rows, t.ways[BY_HELPERS][0])
            for t in taken
            if t.query == query and t.organizations == 1 and t.persona in ("admin", SENDER)
        )
        (_, smallest), *_, (rows, largest) = of_one
        yield Measured(f"{query}: growth", largest / smallest, None, "times", rows, version)


def _measured(server: Server, rows: int, organizations: int, size: Size) -> Iterator[Taken]:
    clone_database(server, "empty", "filled")
    with psycopg.connect(server.url("filled"), autocommit=True) as superuser:
        fill(superuser, rows, organizations)
    most = MOST if size == "full" else 3
    with _one_core():
        with _connected(server, "postgres") as owner:
            every = list(asked(owner))
        for each in every:
            compared = _compared(server, each, most)
            yield Taken(each.query, each.persona, rows, organizations, compared)
        with (
            _connected(server, "ephraim_sender") as sender,
            _connected(server, "postgres") as owner,
        ):
            for query, compared in _written(sender, owner, most):
                yield Taken(query, SENDER, rows, organizations, compared)
    drop_database(server, "filled")


@contextmanager
def _connected(server: Server, role: str, sub: str = "") -> Iterator[psycopg.Connection]:
    user = "authenticator" if role == "authenticated" else "postgres"
    with psycopg.connect(server.url("filled", user), autocommit=True) as connection:
        connection.prepare_threshold = 0
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(connection.info.backend_pid, os.sched_getaffinity(0))
        connection.execute(sql.SQL("set role {}").format(sql.Identifier(role)))
        _claim(connection, sub, local=False)
        yield connection


def _compared(server: Server, each: Asked, most: int) -> Ways:
    """Give each contestant a backend that did nothing before."""
    roles = {each.by_policy: "authenticated"}
    contestants = (each.by_policy, each.by_helpers, each.by_lookups, each.by_ids)
    with ExitStack() as stack:
        connections = {
            text: stack.enter_context(
                _connected(server, roles.get(text, "postgres"), SUBS[each.persona])
            )
            for text in contestants
        }

        def statement(text: str, *, prepare: bool = True) -> Callable[[], list[object]]:
            return lambda: list(connections[text].execute(text.encode(), prepare=prepare))

        def whole(text: str) -> Callable[[], None]:
            connection, role = connections[text], roles.get(text, "postgres")

            def transact() -> None:
                with connection.transaction():
                    connection.execute("select set_config('role', %s, true)", (role,))
                    _claim(connection, SUBS[each.persona], local=True)
                    connection.execute("select public.refuse_estimates()")
                    connection.execute(text.encode(), prepare=True).fetchall()

            return transact

        prepared = [statement(text) for text in contestants]
        answers = {str(work()) for work in prepared}
        assert len(answers) == 1, f"{each.query}, {each.persona}: not the same"
        ours, *others = _times(most, *prepared)
        both = (each.by_policy, each.by_lookups)
        return {
            **{
                way: [ours, other]
                for way, other in zip((BY_HELPERS, BY_LOOKUPS, BY_IDS), others, strict=True)
            },
            ANEW: _times(most, *(statement(text, prepare=False) for text in both)),
            WHOLE: _times(most, *(whole(text) for text in both)),
        }


def _written(
    sender: psycopg.Connection, owner: psycopg.Connection, most: int
) -> Iterator[tuple[str, Ways]]:
    pending: dict[psycopg.Connection, list[UUID]] = {sender: [], owner: []}

    def write(connection: psycopg.Connection) -> None:
        row = connection.execute(_WRITE.encode(), prepare=True).fetchone()
        assert row is not None
        pending[connection].append(row[0])

    def advance(connection: psycopg.Connection) -> None:
        of = (pending[connection].pop(),)
        assert connection.execute(_ADVANCE.encode(), of, prepare=True).rowcount == 1

    for query, work in ((INSERT, write), (UPDATE, advance)):
        both = [partial(work, connection) for connection in (sender, owner)]
        yield query, {BY_HELPERS: [min(seconds) for seconds in in_turns(most, *both)]}


@contextmanager
def _one_core() -> Iterator[None]:
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def _claim(connection: psycopg.Connection, sub: str, *, local: bool) -> None:
    claims = json.dumps({"sub": sub, "role": "authenticated", "aud": "authenticated"})
    connection.execute("select set_config('request.jwt.claims', %s, %s)", (claims, local))


def _times(most: int, *works: Callable[[], object]) -> list[float]:
    warm = [sum(each) for each in zip(*in_turns(min(most, 5), *works), strict=True)]
    rounds = max(min(most, FEWEST), min(most, int(SECONDS / min(warm))))
    return [min(seconds) for seconds in in_turns(rounds, *works)]


def _kind(taken: Taken) -> tuple[str, str]:
    return taken.query, taken.persona
