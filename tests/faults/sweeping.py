"""Take a story through its faults, one at a time, each on a database of its own.

undisturbed: count the boundaries --> for each place: clone, fault, check, recover, check

The suite takes a few places, spread over all of them; `make faults` takes every one.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TypeVar

import psycopg
from tests.faults.boundaries import Boundaries, Boundary, Fault
from tests.faults.http_proxy import http_proxy, http_through
from tests.faults.postgres_proxy import postgres_proxy, through
from tests.faults.processes import Ending, Story, started

from ephraim_db.postgres import Server
from ephraim_db.project import Database

EVERYWHERE = os.environ.get("EPHRAIM_DB_FAULTS") == "all"
_PATIENCE = 30.0

S = TypeVar("S", bound="Scene")
Arguments = Callable[[str, str], tuple[object, ...]]


@dataclass(frozen=True, slots=True)
class Scene:
    """A database, whoever else is asked over HTTP, and how a story is told about both.

    `login` reaches the database as the story does; `http` is the URL of a fake, or empty;
    `arguments` makes the story's from the two URLs, which lead through proxies or not.
    """

    database: Database
    login: str
    arguments: Arguments
    http: str

    @property
    def superuser(self) -> str:
        """The database's URL for whoever arranges and checks."""
        return self.database.server.url(self.database.name)


def play(story: Story, scene: Scene, boundaries: Boundaries | None = None) -> Ending:
    """Let the story run in a process of its own, past `boundaries`, and wait until all is quiet."""
    boundaries = boundaries or Boundaries()
    server, name = scene.database.server, scene.database.name
    boundaries.terminate = partial(end_sessions, server, name)
    with ExitStack() as stack:
        proxy = stack.enter_context(postgres_proxy(scene.login, boundaries))
        http = ""
        if scene.http:
            http = http_through(stack.enter_context(http_proxy(scene.http, boundaries)))
        arguments = scene.arguments(through(proxy, scene.login), http)
        running = stack.enter_context(started(story, *arguments, boundaries=boundaries))
        ending = running.ended()
    wait_until_quiet(server, name)
    if boundaries.wrong is not None:
        raise boundaries.wrong
    return ending


def wait_until_quiet(server: Server, name: str) -> None:
    """Return once no session is left: what a killed process had sent may still be going on."""
    deadline = time.monotonic() + _PATIENCE
    with psycopg.connect(server.url(), autocommit=True) as connection:
        while time.monotonic() < deadline:
            found = connection.execute(
                "select from pg_stat_activity where datname = %s and backend_type = "
                "'client backend'",
                (name,),
            )
            if not found.rowcount:
                return
            time.sleep(0.005)
    raise AssertionError("a session does not end")


def end_sessions(server: Server, name: str) -> None:
    """End every session, as whoever administrates the server may."""
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(
            "select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = %s",
            (name,),
        )


def sweep(
    story: Story,
    scenes: Callable[[], AbstractContextManager[S]],
    fault: Fault,
    *,
    sample: int | None = None,
    part: float = 1.0,
    by: timedelta | None = None,
) -> Iterator[tuple[S, Boundary, Ending]]:
    """Yield each scene after the fault happened at one place of the story, where, and how it ended.

    `sample`: at how many places, where not everywhere; three where it kills, else one. `part`: of
    the places, the first part, for a story that takes more steps one time than another. `by`: how
    far the clock leaps.
    """
    with scenes() as scene:
        whole = Boundaries()
        ending = play(story, scene, whole)
        assert not ending.refusal, ending.refusal
        assert not ending.crash, ending.crash
    first_part = whole.passed[: round(len(whole.passed) * part)]
    places = [
        each.number for each in first_part if each.is_answered or not fault.waits_for_the_answer
    ]
    if not EVERYWHERE:
        places = spread(places, whole.passed, fault, sample or (3 if fault.kills else 1))
    for at in places:
        boundaries = Boundaries(fault, at, by=by)
        with scenes() as scene:
            ending = play(story, scene, boundaries)
            print(f"{fault}, at boundary {boundaries.happened}")  # shown if anything fails
            assert boundaries.happened, "the story went another way: nothing happened"
            assert ending.killed == fault.kills
            assert not ending.crash, ending.crash
            yield scene, boundaries.happened, ending


def spread(places: list[int], whole: list[Boundary], fault: Fault, sample: int) -> list[int]:
    """Choose `sample` of the places, the same each time, spread over the story.

    Most of them, where there are such, when many statements that were sent together may just have
    been committed; evenly otherwise.
    """
    last = 0 if fault.waits_for_the_answer else 1
    many = [at for at in places if at and _sent_together(whole, at - last) > 2]
    others = [at for at in places if at not in many]
    some = _evenly(many, sample * 2 // 3)
    return sorted([*some, *_evenly(others, sample - len(some))])


def _sent_together(whole: list[Boundary], at: int) -> int:
    """Count the statements that the answer to `at` answers, 0 if none comes."""
    if not whole[at].is_answered:
        return 0
    before = [each.number for each in whole[:at] if each.is_answered]
    return at - max(before, default=-1)


def _evenly(places: list[int], sample: int) -> list[int]:
    sample = min(sample, len(places))
    return [places[int((n + 0.5) * len(places) / sample)] for n in range(sample)]
