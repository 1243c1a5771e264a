"""Judge mutants by a command of yours: each in a database cloned from a template.

template --clone--> database --mutant's sql--> broken --command, its URL in the environment-->
    killed (the command fails) or survived; the database is dropped
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from itertools import islice
from threading import Event
from typing import IO

import psycopg

from ephraim_db.errors import CannotMutate
from ephraim_db.postgres import Server, clone_database, drop_database
from ephraim_db.rls.mutants.judging import Judgement
from ephraim_db.rls.mutants.mutant import Mutant

POLL = 0.05
"""Seconds between two looks at whether a command has ended, or was to stop."""
PATIENCE = 10
"""A mutant may take so many times as long as the unbroken database did, and half a minute at least;
then it counts as noticed, as a test that hangs is one that fails."""
MOST_TOLD = 2_000
"""Characters of the output that are told where a command fails that should not."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended: its status, None if it took too long, and the end of what it said."""

    status: int | None
    seconds: float
    output: str


@dataclass(frozen=True, slots=True)
class Commanding:
    """A command, and the database that it is to look at clones of. Nobody is connected to it."""

    server: Server
    template: str
    command: tuple[str, ...]
    stopping: Event = field(default_factory=Event)

    def try_unbroken(self) -> float:
        """Return how many seconds the command takes; raise CannotMutate if it fails already."""
        ended = self._run(None, None)
        if ended.status != 0:
            raise CannotMutate(
                f"{' '.join(self.command)} fails with nothing broken (status {ended.status}), so "
                f"its failing would tell nothing. It said:\n{ended.output}"
            )
        return ended.seconds

    def judge(self, mutant: Mutant, limit: float) -> Judgement | None:
        """Run the command on the mutant, for `limit` seconds; None if it was to stop."""
        try:
            ended = self._run(mutant, limit)
        except psycopg.Error as error:
            said = error.diag.message_primary or "no reason given"
            return Judgement(mutant, "stillborn", f"Postgres says: {said}")
        if self.stopping.is_set():
            return None
        if ended.status == 0:
            return Judgement(mutant, "survived", mutant.wanted)
        how = "took too long" if ended.status is None else f"failed with status {ended.status}"
        return Judgement(mutant, "killed", f"the command {how} after {ended.seconds:.1f} s")

    def _run(self, mutant: Mutant | None, limit: float | None) -> Ended:
        name = f"{self.template}_{mutant.key if mutant else 'unbroken'}"
        drop_database(self.server, name)
        clone_database(self.server, self.template, name)
        try:
            url = self.server.url(name, "postgres")
            if mutant:
                with psycopg.connect(url, autocommit=True) as connection:
                    connection.execute(mutant.sql.encode())
            with tempfile.TemporaryFile() as output:
                return self._wait(self._environment(url), output, limit)
        finally:
            drop_database(self.server, name)

    def _environment(self, url: str) -> dict[str, str]:
        return {
            **os.environ,
            "DATABASE_URL": url,
            "EPHRAIM_DB_URL": url,
            "EPHRAIM_DB_POSTGRES": self.server.url(),
        }

    def _wait(
        self, environment: Mapping[str, str], output: IO[bytes], limit: float | None
    ) -> Ended:
        began = time.monotonic()
        process = subprocess.Popen(
            self.command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        status: int | None = None
        try:
            while (status := process.poll()) is None and not self.stopping.wait(POLL):
                if limit is not None and time.monotonic() - began > limit:
                    break
        finally:
            _end(process)
        size = output.seek(0, os.SEEK_END)
        output.seek(max(0, size - MOST_TOLD))
        said = output.read().decode(errors="replace")
        return Ended(status, time.monotonic() - began, said)


def judge_by_command(
    commanding: Commanding, mutants: Sequence[Mutant], jobs: int, seconds: float
) -> Generator[Judgement]:
    """Yield judgements as they come, `jobs` at once. Closing it ends the commands that still run.

    `seconds` is how long the command takes with nothing broken.
    """
    limit = max(30.0, PATIENCE * seconds)
    waiting = iter(mutants)
    with ThreadPoolExecutor(jobs) as pool:
        first = islice(waiting, jobs)
        running = {pool.submit(commanding.judge, mutant, limit) for mutant in first}
        try:
            while running:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    judgement = future.result()
                    following = next(waiting, None)
                    if following is not None:
                        running.add(pool.submit(commanding.judge, following, limit))
                    if judgement is not None:
                        yield judgement
        finally:
            commanding.stopping.set()


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the command and whatever it started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        try:
            process.wait(2)
        except subprocess.TimeoutExpired:
            continue
    process.wait()
