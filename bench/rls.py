"""How long it takes to observe and search a database: ours, made-up ones, and beside others."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import psycopg

from bench.chart import draw
from bench.projects import generate, personas
from bench.results import Goal, Measured, Row, Size
from bench.rls_beside import beside
from ephraim_db.migrations import apply_migrations, apply_seed, find_migrations
from ephraim_db.postgres import Server, create_database, start_postgres
from ephraim_db.rls import Personas, build_matrix, read_personas
from ephraim_db.rls.findings import find_findings
from ephraim_db.rls.observing import observing

PROJECT = Path(__file__).parents[1]
OURS = "this project: matrix with findings"
GROWTH = "growth with tables x personas"
BY_TABLES, BY_PERSONAS = "growth with tables, of 8 personas", "growth with personas"
LARGEST = "300 tables, 8 personas: matrix with findings"

ABOUT = """## Observing row-level security

*This project* is its own migrations and seed, once the database is up: from connecting to the last
finding proven, the quickest of several runs, split by stage. n is the cells of the matrix.

*Generated projects* come from a seeded generator (`bench/projects.py`): tables of organizations and
of users, shared ones, children and lookups, helpers, functions, triggers, views, and in every tenth
table a hole whose place is known. With 300 tables there are about 1,000 policies and 150 functions.
Each is the quickest of three runs, of two from 100 tables on. n is tables x personas. The powers
are slopes of straight lines through the logarithms, of all points with at least 100 tables x
personas, of those with 8 personas, and of those with the most tables: 1 is linear, which is the
goal, and 1.1 allows for noise. Where the load changed meanwhile, they are of little worth.

*Beside pgTAP and rlsautotest*, everybody gets the same Postgres and schema, and runs as its users
run it, with its own start: `ephraim-db rls check` against the contract, where nothing differs and
so findings are not searched for; `pg_prove` on one file for each relation and one for all functions
and sequences; `ephraim-db rls matrix`, with findings, beside `rlsautotest --report`. No table is
empty.

pgTAP asserts the same as the check holds, with one statement each (`bench/attempts.py`).
*Everything* is SELECT, INSERT and DELETE, a statement for each column; UPDATE, for each column and
each kind of rows there are (one's own, the organization's, others'); and of each kind rows read,
added, removed, added with RETURNING and as an upsert, every label and flag; an UPDATE that names no
row; TRUNCATE, calls of functions, sequences. *Per column* is the four commands only, a statement
for each column; *per cell* the same with columns of the same outcome together, which is less than
is observed. n is the assertions. What is in our favour: we try columns together and ask each by
itself only where that failed, and ask once for each role what it was not granted; an author could
do so as well, and *per cell* comes near that. In pgTAP's: its assertions are written already, each
asks for one value only, functions are called with nulls; and it does not look for moves to other
organizations, which policy decided, or rows nobody thought of. *Without starting a program* is
observing alone, in a process that runs, beside the same pg_prove, whose start is a few hundredths
of a second; our probes are the statements that were really run. Ours prepares what it asks next
while Postgres works, which takes a part of a second core; pg_prove runs one file after the other,
as it does by default, and *with --jobs 2* two at a time, on two connections.

*Found* is how many of the planted holes a report names, however mildly; a false alarm is another
relation that it names, ours above a note. rlsautotest lists every table without FORCE as high,
which tells nothing here and is not counted, nor are tests that it calls unreliable. n is the holes:
a policy that lets everybody read, or add for anybody; no row-level security; a SECURITY DEFINER
function or a view that shows everything to anybody; and *moving*, an UPDATE policy whose WITH CHECK
is true, by which an UPDATE without a WHERE gives rows to another organization.

Needs Debian's postgresql-15-pgtap and libtap-parser-sourcehandler-pgtap-perl, and is left out
without them.
"""

GOALS = (
    Goal(OURS, "ours", "most", 1.0),
    Goal(LARGEST, "ours", "most", 60.0),
    Goal(GROWTH, "ours", "most", 1.1),
    Goal(BY_TABLES, "ours", "most", 1.1),
    Goal(BY_PERSONAS, "ours", "most", 1.1),
    Goal("this project, pgTAP everything: per assertion", "ratio", "least", 10.0),
    Goal("60 generated tables, pgTAP everything: per assertion", "ratio", "least", 10.0),
    Goal("this project, rlsautotest: report", "ratio", "least", 5.0),
    Goal("60 generated tables, rlsautotest: report", "ratio", "least", 5.0),
    Goal("60 generated tables, rlsautotest: planted holes found", "ratio", "more than", 1.0),
)


def measure(size: Size) -> Iterator[Measured]:
    """Yield everything; small means few rounds and tables."""
    small = size == "small"
    with start_postgres("embedded") as server:
        yield from _this_project(server, 2 if small else 7)
        yield from _generated(server, (10, 20) if small else (10, 30, 100, 300))
    yield from beside(PROJECT, 10 if small else 60, 1 if small else 3)


def charts(rows: Sequence[Row]) -> dict[str, str]:
    """Return seconds over tables x personas, a line for each number of personas, and a linear one.

    The linear one goes through the largest.
    """
    series: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        if found := re.match(r"(\d+) tables, (\d+) personas: matrix", row["name"]):
            series.setdefault(f"{found[2]} personas", []).append((row["n"], row["ours"]))
    everything = [point for points in series.values() for point in points]
    if everything:
        most, seconds = max(everything)
        least = min(n for n, _ in everything)
        series["linear"] = [(least, seconds * least / most), (most, seconds)]
    title = "Matrix with findings of generated projects of 10, 30, 100 and 300 tables"
    return {"rls-matrix-of-generated-projects.svg": draw(title, "tables x personas", "s", series)}


def _this_project(server: Server, rounds: int) -> Iterator[Measured]:
    create_database(server, "ours")
    with psycopg.connect(server.url("ours", "postgres"), autocommit=True) as owner:
        apply_migrations(owner, find_migrations(PROJECT))
        apply_seed(owner, PROJECT)
    told = read_personas(PROJECT / "supabase" / "rls.toml")
    runs = [_examined(server, "ours", told) for _ in range(rounds)]
    seconds, cells = min(runs, key=lambda run: sum(run[0].values()))
    yield Measured(OURS, sum(seconds.values()), None, "s", cells, server.version)
    for stage, taken in seconds.items():
        yield Measured(f"this project, of it {stage}", taken, None, "s", cells, server.version)


def _generated(server: Server, sizes: Sequence[int]) -> Iterator[Measured]:
    points: list[tuple[int, int, float]] = []
    for tables in sizes:
        project, database = generate(tables), f"generated{tables}"
        create_database(server, database)
        with psycopg.connect(server.url(database, "postgres"), autocommit=True) as owner:
            owner.execute(project.sql.encode())
        for count in (2, 4, 8):
            repeated = 3 if tables < 100 else 2
            runs = [_examined(server, database, personas(count)) for _ in range(repeated)]
            seconds, _ = min(runs, key=lambda run: sum(run[0].values()))
            total, n = sum(seconds.values()), tables * count
            points.append((tables, count, total))
            name = f"{tables} tables, {count} personas"
            yield Measured(f"{name}: matrix with findings", total, None, "s", n, server.version)
        for stage, taken in seconds.items():
            yield Measured(f"{name}, of it {stage}", taken, None, "s", n, server.version)
    for name, chosen in (
        (GROWTH, [p for p in points if p[0] * p[1] >= 100]),
        (BY_TABLES, [p for p in points if p[1] == 8 and p[0] * p[1] >= 100]),
        (BY_PERSONAS, [p for p in points if p[0] == sizes[-1]]),
    ):
        if len(chosen) > 1:
            power = _power([(tables * count, taken) for tables, count, taken in chosen])
            yield Measured(name, power, None, "power", len(chosen), server.version)


def _examined(server: Server, database: str, told: Personas) -> tuple[dict[str, float], int]:
    """Return the seconds that each stage took, and how many cells came of it."""
    seconds: dict[str, float] = {}
    stage, since = "connecting and reading", time.perf_counter()

    def turn(following: str) -> None:
        nonlocal stage, since
        now = time.perf_counter()
        seconds[stage] = seconds.get(stage, 0.0) + now - since
        stage, since = following, now

    def say(message: str) -> None:
        if message.startswith("filling"):
            turn("filling")
        elif message.startswith("copying"):
            turn("copying rows")
        elif message.startswith("probing functions"):
            turn("functions and sequences")
        elif message.startswith("probing"):
            turn("probing")

    with (
        psycopg.connect(server.url(database, "postgres"), autocommit=True) as connection,
        observing(connection, told, say, filling=True) as observation,
    ):
        turn("matrix")
        matrix = build_matrix(told.everyone, observation.observed, observation.uses)
        turn("findings")
        find_findings(observation, matrix)
        turn("")
    return seconds, len(matrix.cells)


def _power(points: Sequence[tuple[float, float]]) -> float:
    """Return the slope of the straight line through the logarithms."""
    logs = [(math.log(a), math.log(b)) for a, b in points]
    x, y = (sum(log[k] for log in logs) / len(logs) for k in (0, 1))
    return sum((a - x) * (b - y) for a, b in logs) / sum((a - x) ** 2 for a, _ in logs)
