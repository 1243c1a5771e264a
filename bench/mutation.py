"""How fast mutants are judged: by the contract, and beside pgTAP asserting the same cells."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from statistics import mean, median

import psycopg

from bench.attempts import Author, per_column
from bench.pgtap import assertions, prove, write_files
from bench.results import Goal, Measured, Size, timed
from ephraim_db.migrations import apply_migrations, apply_seed, find_migrations
from ephraim_db.postgres import (
    Server,
    clone_database,
    create_database,
    drop_database,
    start_postgres,
)
from ephraim_db.rls import build_matrix, read_personas
from ephraim_db.rls.mutants.judging import Judge
from ephraim_db.rls.mutants.mutant import Mutant
from ephraim_db.rls.observing import observing

PROJECT = Path(__file__).parents[1]
PERSONAS = read_personas(PROJECT / "supabase" / "rls.toml")
WHOLE = "this project: all mutants against the contract"
CLONE = "clone of the template"
BESIDE = "this project, pgTAP per column: a mutant"

ABOUT = """## Mutants

All mutants of this project against its contract, from the first probe to the score, on one
connection. Then some of those that the contract notices, one in so many, each judged again by
pgTAP: files that assert the same cells, a column an assertion, run by pg_prove on a database that
the mutant is in. Neither making that database nor starting Postgres counts. n is the mutants, or
the clones.
"""
GOALS = (
    Goal(WHOLE, "ours", "most", 20.0),
    Goal(CLONE, "ours", "most", 60.0),
    Goal(BESIDE, "ratio", "least", 20.0),
)


def measure(size: Size) -> Iterator[Measured]:
    """Yield the rows."""
    with start_postgres("embedded") as server:
        _make(server)
        began = time.perf_counter()
        with psycopg.connect(server.url("ours", "postgres"), autocommit=True) as owner:
            mutants, _ = _judge(owner, at_most=20 if size == "small" else None)
        yield Measured(WHOLE, time.perf_counter() - began, None, "s", mutants, server.version)
        clones = [timed(partial(clone_database, server, "ours", f"clone_{n}")) for n in range(10)]
        yield Measured(CLONE, 1000 * median(clones), None, "ms", len(clones), server.version)
    with start_postgres("system") as server, tempfile.TemporaryDirectory() as place:
        yield from _beside(server, Path(place), 3 if size == "small" else 30)


def _make(server: Server) -> None:
    create_database(server, "ours")
    with psycopg.connect(server.url("ours", "postgres"), autocommit=True) as owner:
        apply_migrations(owner, find_migrations(PROJECT))
        apply_seed(owner, PROJECT)


def _judge(
    owner: psycopg.Connection, at_most: int | None = None
) -> tuple[int, list[tuple[Mutant, float]]]:
    """Judge the mutants; return how many, and those that were noticed, with the seconds it took."""
    noticed: list[tuple[Mutant, float]] = []
    with observing(owner, PERSONAS, filling=True) as observation:
        judge = Judge(observation)
        for mutant in judge.mutants[:at_most]:
            began = time.perf_counter()
            if judge.judge(mutant).result == "killed":
                noticed.append((mutant, time.perf_counter() - began))
        return len(judge.mutants[:at_most]), noticed


def _beside(server: Server, folder: Path, wanted: int) -> Iterator[Measured]:
    """Judge some of the noticed ones again, by pgTAP."""
    _make(server)
    with psycopg.connect(server.url("ours"), autocommit=True) as superuser:
        superuser.execute("create extension if not exists pgtap with schema extensions")
        with psycopg.connect(server.url("ours", "postgres"), autocommit=True) as owner:
            with observing(owner, PERSONAS) as seen:
                matrix = build_matrix(PERSONAS.everyone, seen.observed, seen.uses)
            asserted = assertions(superuser, Author(superuser, seen).of_cells(per_column(matrix)))
            _, noticed = _judge(owner)
    files = write_files(folder / "pgtap", asserted)
    prove(server, "ours", files)
    theirs, results = [], Counter[str]()
    sample = noticed[:: max(1, len(noticed) // wanted)][:wanted]
    for mutant, _ in sample:
        clone_database(server, "ours", "broken")
        with psycopg.connect(server.url("broken", "postgres"), autocommit=True) as owner:
            owner.execute(mutant.sql.encode())
        began = time.perf_counter()
        try:
            prove(server, "broken", files)
            results["not noticed"] += 1
        except RuntimeError:
            results["noticed"] += 1
        theirs.append(time.perf_counter() - began)
        drop_database(server, "broken")
    ours = mean(seconds for _, seconds in sample)
    yield Measured(BESIDE, 1000 * ours, 1000 * mean(theirs), "ms", len(sample), server.version)
    yield Measured(
        "this project, pgTAP per column: noticed of these",
        len(sample),
        results["noticed"],
        "mutants",
        len(sample),
        server.version,
        more_is_better=True,
    )
