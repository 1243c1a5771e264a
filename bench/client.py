"""What the client adds to supabase-py: to a call, to the processor, and to an import."""

from __future__ import annotations

import asyncio
import resource
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from functools import partial
from statistics import median

import httpx
import psycopg
import supabase

from bench.results import Goal, Measured, Size, in_turns
from bench.web import ADMIN
from bench.web import supabase as local_supabase
from ephraim_db import AsyncClient, Client
from ephraim_db.local.tokens import access_token
from ephraim_db.organizations import MINE
from ephraim_db.sms_logs import COLUMNS

Ask = Callable[[], object]
PAGE, BATCH = 50, 10
PACKAGE, CLIENT = "import ephraim_db", "from ephraim_db import Client"
QUESTIONS = ("the organization", f"a page of {PAGE} messages")
CALLS = tuple(
    f"{client}: {question}{how}"
    for how in ("", ", processor")
    for client in ("Client", "AsyncClient")
    for question in QUESTIONS
)

ABOUT = """## The client

The same questions, asked by `Client` and by bare supabase-py, which gets dictionaries where the
client gets checked values. The messages are pending, so many columns are null. The local Supabase
is a process of its own; the rows "processor" ask no network: an injected transport repeats the
answer. Calls over the network are medians, all else is the quickest of several rounds. n is the
calls, or the fresh processes of an import. At most 1.05 times as long is a ratio of at least 0.952,
at most 1.15 times one of at least 0.87.
"""

GOALS = (
    *(Goal(name, "ratio", "least", 0.952) for name in CALLS),
    *(Goal(name, "ratio", "least", 0.87) for name in (PACKAGE, CLIENT)),
)


def measure(size: Size) -> Iterator[Measured]:
    """Yield what imports and calls take, ours beside bare supabase-py's."""
    rounds = 2 if size == "small" else 100
    yield from imports(2 if size == "small" else 20)
    with local_supabase() as found, psycopg.connect(found["DB_URL"], autocommit=True) as database:
        database.execute(
            "insert into public.sms_logs (organization_id, to_phone, message_body) "
            "select p.organization_id, '+61491570156', 'See you at ' || n "
            "from public.profiles as p, generate_series(1, %s) as n where p.id = %s",
            [2 * PAGE, ADMIN],
        )
        version = database.info.server_version
        repeated = httpx.MockTransport(Repeating())
        for how, transport in (("", None), (", processor", repeated)):
            clock, best = (time.process_time, min) if how else (time.perf_counter, median)
            for name, ours, bare in contestants(Access.of(found), transport):
                mine, theirs = in_turns(rounds, ours, bare, clock=clock)
                each, other = (best(seconds) / BATCH * 1000 for seconds in (mine, theirs))
                yield Measured(name + how, each, other, "ms", rounds * BATCH, version)


def imports(rounds: int) -> Iterator[Measured]:
    """Import in fresh processes; what Python itself takes to start is left out."""
    statements = ("pass", "import supabase", PACKAGE, CLIENT)
    started = [
        partial(subprocess.run, [sys.executable, "-c", statement], check=True)
        for statement in statements
    ]
    nothing, bare, *ours = map(min, in_turns(rounds, *started, clock=_processor_of_children))
    for statement, seconds in zip(statements[2:], ours, strict=True):
        mine, theirs = ((taken - nothing) * 1000 for taken in (seconds, bare))
        yield Measured(statement, mine, theirs, "ms", rounds)


def _processor_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@dataclass(frozen=True, slots=True)
class Access:
    """Where the local Supabase is, and how an admin gets in."""

    url: str
    key: str
    headers: dict[str, str]

    @classmethod
    def of(cls, found: dict[str, str]) -> Access:
        """Sign the admin of the seed in."""
        token = access_token(found["JWT_SECRET"], ADMIN, "authenticated", {})
        return cls(found["API_URL"], found["ANON_KEY"], {"Authorization": f"Bearer {token}"})


class Repeating:
    """Ask for each URL once, and then repeat the answer."""

    def __init__(self) -> None:
        self._answers: dict[str, httpx.Response] = {}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer as the server did."""
        url = str(request.url)
        if url not in self._answers:
            self._answers[url] = httpx.get(url, headers=request.headers)
        said = self._answers[url]
        return httpx.Response(said.status_code, headers=said.headers, content=said.content)


def contestants(
    access: Access, transport: httpx.MockTransport | None
) -> Iterator[tuple[str, Ask, Ask]]:
    """Yield each question's name, and who asks it a batch of times: ours and the bare one."""
    with httpx.Client(transport=transport) as http:
        options = supabase.ClientOptions(httpx_client=http, headers=dict(access.headers))
        bare = supabase.create_client(access.url, access.key, options)
        ours = Client(bare)
        pairs: tuple[tuple[Ask, Ask], ...] = (
            (ours.get_organization, lambda: _organization(bare).execute().data),
            (partial(ours.list_sms_logs, page_size=PAGE), lambda: _page(bare).execute().data),
        )
        for question, pair in zip(QUESTIONS, pairs, strict=True):
            mine, theirs = (partial(_repeat, ask) for ask in pair)
            yield f"Client: {question}", mine, theirs
    with asyncio.Runner() as runner:
        yield from _awaiting(access, transport, runner)


def _awaiting(
    access: Access, transport: httpx.MockTransport | None, runner: asyncio.Runner
) -> Iterator[tuple[str, Ask, Ask]]:
    http = httpx.AsyncClient(transport=transport)
    options = supabase.AsyncClientOptions(httpx_client=http, headers=dict(access.headers))
    bare = runner.run(supabase.create_async_client(access.url, access.key, options))
    ours = AsyncClient(bare)
    pairs: tuple[tuple[Callable[[], Awaitable[object]], ...], ...] = (
        (ours.get_organization, lambda: _organization(bare).execute()),
        (partial(ours.list_sms_logs, page_size=PAGE), lambda: _page(bare).execute()),
    )
    for question, pair in zip(QUESTIONS, pairs, strict=True):
        mine, theirs = (lambda ask=ask: runner.run(_repeat_awaiting(ask)) for ask in pair)
        yield f"AsyncClient: {question}", mine, theirs
    runner.run(http.aclose())


def _organization(bare: supabase.Client | supabase.AsyncClient):  # type: ignore[no-untyped-def]
    return bare.table("profiles").select(*MINE.columns).eq("id", ADMIN)


def _page(bare: supabase.Client | supabase.AsyncClient):  # type: ignore[no-untyped-def]
    newest = bare.table("sms_logs").select(*COLUMNS).order("created_at", desc=True)
    return newest.order("id", desc=True).limit(PAGE + 1)


def _repeat(ask: Ask) -> None:
    for _ in range(BATCH):
        ask()


async def _repeat_awaiting(ask: Callable[[], Awaitable[object]]) -> None:
    for _ in range(BATCH):
        await ask()
