"""From nothing to the first answer and to the first verdict, beside Postgres in a container."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx

from bench.results import Goal, Measured, Size, in_turns

PROJECT = Path(__file__).parents[1]
COMMAND = (sys.executable, "-c", "from ephraim_db.cli import main; main()")
FIRST_QUERY, VERDICT = "start to the first query", "rls check to the verdict"

ABOUT = """## From nothing

`ephraim-db start` until it has answered a query through PostgREST, and `ephraim-db rls check`
until its verdict: a new process each time, migrations, seed and all. Ours runs on the embedded
Postgres; the other is the same command with `--postgres docker`, by testcontainers, with an image
that is there already (EPHRAIM_DB_IMAGE). The quickest of n. Where Docker's storage driver is vfs,
as on the machine below, a container is a copy of its whole image: seconds that overlayfs saves.
"""

GOALS: tuple[Goal, ...] = ()


def measure(size: Size) -> Iterator[Measured]:
    """Yield seconds, beside a container's where there is an engine."""
    rounds = 1 if size == "small" else 5
    choices = ("embedded", "docker") if _has_docker() else ("embedded",)
    for name, work in ((FIRST_QUERY, first_query), (VERDICT, verdict)):
        seconds = in_turns(rounds, *(partial(work, choice) for choice in choices))
        ours, other = [*map(min, seconds), None][:2]
        assert ours is not None
        yield Measured(name, ours, other, "s", rounds)


def first_query(postgres: str) -> None:
    """Start a local Supabase, ask it for a row, and stop it."""
    arguments = ("start", "--project", str(PROJECT), "--postgres", postgres, "--output", "json")
    with subprocess.Popen(
        [*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        try:
            lines = list(iter(process.stdout.readline, "}\n"))
            found = json.loads("".join((*lines, "}")))
            key = found["SERVICE_ROLE_KEY"]
            headers = {"apikey": key, "Authorization": f"Bearer {key}"}
            url = f"{found['API_URL']}/rest/v1/organizations"
            assert httpx.get(url, headers=headers, params={"limit": 1}).json()
        finally:
            process.terminate()


def verdict(postgres: str) -> None:
    """Hold the project to its contract."""
    arguments = ("rls", "check", "--project", str(PROJECT), "--postgres", postgres)
    subprocess.run([*COMMAND, *arguments], check=True, capture_output=True)


def _has_docker() -> bool:
    if "EPHRAIM_DB_IMAGE" in os.environ:
        try:
            if not subprocess.run(["docker", "info"], capture_output=True, check=False).returncode:
                return True
        except OSError:
            pass
    print(
        "LEFT OUT: the container. Start Docker, pull an image, and name it in EPHRAIM_DB_IMAGE; "
        "on Debian: .ci/postgres-image .venv/bin/python -m bench start",
        file=sys.stderr,
    )
    return False
