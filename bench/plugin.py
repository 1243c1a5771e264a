"""What a test costs that gets a fresh database, by our plugin and by what people use."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.results import Goal, Measured, Size
from ephraim_db.postgres import start_postgres

PROJECT = Path(__file__).parents[1]
PEER, PEER_NEEDS = "pytest-postgresql", ("mirakuru", "port-for")  # what else it needs is here

ABOUT = """## The pytest plugin

The same tests in five runs of pytest, on our own migrations and seed. Every test changes what the
seed brought and finds nothing that another did: ours by a rollback or by a clone, pytest-postgresql
by a clone of its template, and in a container of testcontainers' by truncating every table, with
seeding again and without, where the test finds no rows. A test is all of it: fresh state, queries,
and cleaning up. Without an engine for containers, which `.ci/postgres-image python -m bench plugin`
brings, the embedded Postgres stands in; it is faster. n is the tests, or the runs.
"""

GOALS = tuple(
    Goal(f"a test: rolled back, beside {other}", "ratio", "least", 2.0)
    for other in (PEER, "truncate, in a container", "truncate, embedded, as there is no engine")
)

TESTS = """
import pytest

@pytest.mark.parametrize("n", range({tests}))
def test_it(fresh, n):
    names = "select count(*) from public.organizations where name <> 'changed'"
    assert fresh.execute(names).fetchone() == ({expected},)
    fresh.execute("update public.organizations set name = 'changed'")
    fresh.execute("insert into public.organizations (name) values ('added')")
"""

TIMED = """
import json, time
from pathlib import Path
import psycopg, pytest

times = []

@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    began = time.perf_counter()
    yield
    times.append(time.perf_counter() - began)
    return True

def pytest_sessionfinish():
    Path("times.json").write_text(json.dumps(times))
"""

ROLLBACK = """
@pytest.fixture
def fresh(supabase_connection):
    return supabase_connection
"""

CLONE = """
@pytest.fixture
def fresh(supabase_database):
    with psycopg.connect(supabase_database.url, autocommit=True) as connection:
        yield connection
"""

PYTEST_POSTGRESQL = """
import os
from pytest_postgresql import factories
from ephraim_db.migrations import apply_migrations, apply_seed, find_migrations
from ephraim_db.postgres import create_database
from ephraim_db.postgres.existing import existing_server
from ephraim_db.testing.databases import owner_url

server = existing_server(os.environ["EPHRAIM_DB_POSTGRES"])

def load(*, dbname, **_):
    create_database(server, dbname)
    with psycopg.connect(owner_url(server, dbname), autocommit=True) as owner:
        apply_migrations(owner, find_migrations(Path()))
        apply_seed(owner, Path())

proc = factories.postgresql_noproc(
    host=server.host, port=server.port, user=server.user, password=server.password,
    dbname="peer", load=[load],
)
peer = factories.postgresql("proc")

@pytest.fixture
def fresh(peer):
    peer.autocommit = True
    return peer
"""

TRUNCATE = """
from ephraim_db.migrations.seed import seed_paths
from ephraim_db.postgres import start_postgres
from ephraim_db.testing.databases import made_template

SEED = [Path(path).read_bytes() for path in seed_paths(Path(), print)] if {seeds} else []
TABLES = '''
select string_agg(c.oid::regclass::text, ', ') from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
where c.relkind = 'r' and n.nspname = 'public' or c.oid = 'auth.users'::regclass
'''

@pytest.fixture(scope="session")
def session_connection():
    with start_postgres({postgres!r}) as server, made_template(server, Path()) as name:
        with psycopg.connect(server.url(name), autocommit=True) as connection:
            tables = connection.execute(TABLES).fetchone()[0]
            # Our append-only tables refuse to be truncated while their triggers are awake.
            asleep = "set session_replication_role = replica; %s; reset session_replication_role"
            yield connection, asleep % f"truncate {{tables}} restart identity cascade"

@pytest.fixture
def fresh(session_connection):
    connection, truncate = session_connection
    if not SEED:
        connection.execute(truncate)
    yield connection
    connection.execute(truncate)
    for sql in SEED:
        connection.execute(sql)
"""


@dataclass(frozen=True, slots=True)
class Contestant:
    """How tests are kept apart, how many organizations are there then, and on which Postgres."""

    name: str
    conftest: str
    expected: int = 2
    postgres: str | None = None


def measure(size: Size) -> Iterator[Measured]:
    tests, rounds = (4, 1) if size == "small" else (40, 3)
    image = "docker" if engine_answers() else "embedded"
    where = "in a container" if image == "docker" else "embedded, as there is no engine"
    rollback = Contestant("rolled back", ROLLBACK, postgres="embedded")
    clone = Contestant("a clone", CLONE, postgres="embedded")
    peer = Contestant(PEER, PYTEST_POSTGRESQL)
    truncate, reseed = (
        Contestant(name, TRUNCATE.format(seeds=seeds, postgres=image), 2 if seeds else 0)
        for name, seeds in ((f"truncate, {where}", False), (f"truncate and seed, {where}", True))
    )
    contestants = (rollback, clone, peer, truncate, reseed)
    costs, starts = race(contestants, tests, rounds)
    for ours in (rollback, clone):
        for other in (peer, truncate, reseed):
            name = f"a test: {ours.name}, beside {other.name}"
            yield Measured(name, costs[ours], costs[other], "ms", tests)
    name = f"before the first test: a clone, beside {truncate.name}"
    yield Measured(name, starts[clone], starts[truncate], "ms", rounds)


def race(
    contestants: Sequence[Contestant], tests: int, rounds: int
) -> tuple[dict[Contestant, float], dict[Contestant, float]]:
    """Let each run its tests in turn; return the ms of a test, and of what is before the first."""
    costs: dict[Contestant, list[float]] = {one: [] for one in contestants}
    starts: dict[Contestant, list[float]] = {one: [] for one in contestants}
    with tempfile.TemporaryDirectory() as folder, start_postgres("embedded") as server:
        installed = Path(folder) / "peer"
        install(installed)
        environment = {
            "EPHRAIM_DB_POSTGRES": server.url(database="postgres"),
            "PYTHONPATH": str(installed),
        }
        for turn in range(rounds):
            for number, one in enumerate(contestants):
                times = run(one, Path(folder) / f"{turn}-{number}", tests, environment)
                starts[one].append(times[0] * 1000)
                costs[one].append(median(times[1:-1]) * 1000)
    of_rounds = ({one: median(ms) for one, ms in all_ms.items()} for all_ms in (costs, starts))
    return next(of_rounds), next(of_rounds)


def run(one: Contestant, place: Path, tests: int, environment: dict[str, str]) -> list[float]:
    """Run pytest on the tests of one; return the seconds of each."""
    shutil.copytree(PROJECT / "supabase", place / "supabase")
    (place / "pyproject.toml").write_text("")
    (place / "conftest.py").write_text(TIMED + one.conftest)
    (place / "test_it.py").write_text(TESTS.format(tests=tests, expected=one.expected))
    if one.postgres:
        environment = environment | {"EPHRAIM_DB_POSTGRES": one.postgres}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-qx", "--tb=short", "-p", "no:cacheprovider"],
        cwd=place,
        env=os.environ | environment,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise SystemExit(f"{one.name}:\n{done.stdout}{done.stderr}")
    times: list[float] = json.loads((place / "times.json").read_text())
    return times


def install(folder: Path) -> None:
    """Install the peer for this run: in our environment it would load itself into every pytest."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target"]
    subprocess.run(
        [*command, str(folder), PEER, *PEER_NEEDS], check=True, stderr=subprocess.DEVNULL
    )


def engine_answers() -> bool:
    """Return whether containers can be run here."""
    docker = shutil.which("docker")
    return (
        docker is not None and not subprocess.run([docker, "info"], capture_output=True).returncode
    )
