"""What a test costs before its first query, and after: `python bench/plugin.py [tests]`.

The same tests in five runs of pytest, each with our migrations and seed in its database. Every test
changes what the seed brought, and expects that no other did: by our rollback, by our clone of a
template, by pytest-postgresql's, and in a container by truncating, with and without seeding again.
pytest-postgresql is installed for the run; without an engine for containers (`.ci/postgres-image`
brings one), the embedded Postgres stands in for the container, which is the faster one.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from ephraim_db.postgres import start_postgres

PROJECT = Path(__file__).parents[1]
ROUNDS = 3
GOAL = 2.0  # times as fast as either of the others
PEER = ("pytest-postgresql", "mirakuru", "port-for")  # what else it needs is here

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
from ephraim_db.testing import made_template

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
    """How tests are kept apart, and how many organizations are there then."""

    name: str
    conftest: str
    expected: int = 2


def main(tests: int) -> None:
    postgres = "docker" if engine_answers() else "embedded"
    where = "container" if postgres == "docker" else "embedded, for want of an engine"
    rollback, clone = Contestant("ours, rolled back", ROLLBACK), Contestant("ours, clone", CLONE)
    peer = Contestant("pytest-postgresql, clone", PYTEST_POSTGRESQL)
    truncate, reseed = (
        Contestant(name, TRUNCATE.format(seeds=seeds, postgres=postgres), 2 if seeds else 0)
        for name, seeds in ((f"truncate, {where}", False), (f"truncate and seed, {where}", True))
    )
    contestants = (rollback, clone, peer, truncate, reseed)
    costs: dict[Contestant, list[float]] = {one: [] for one in contestants}
    starts: dict[Contestant, list[float]] = {one: [] for one in contestants}
    with tempfile.TemporaryDirectory() as folder, start_postgres("embedded") as server:
        installed = Path(folder) / "peer"
        install(installed)
        environment = os.environ | {"EPHRAIM_DB_POSTGRES": server.url(database="postgres")}
        environment |= {"PYTHONPATH": str(installed)}
        for turn in range(ROUNDS):
            for number, one in enumerate(contestants):
                place = Path(folder) / f"{turn}-{number}"
                times = run(one, place, tests, environment)
                starts[one].append(times[0])
                costs[one].append(median(times[1:-1]))
    for one in contestants:
        print(
            f"{median(costs[one]) * 1000:8.1f} ms a test, "
            f"{median(starts[one]):5.1f} s before the first: {one.name}"
        )
    for ours in (rollback, clone):
        for other in (peer, truncate, reseed):
            ratio = median(costs[other]) / median(costs[ours])
            print(f"{ratio:8.1f} {ours.name} to {other.name}")
    for other in (peer, truncate):
        if median(costs[other]) < GOAL * median(costs[rollback]):
            print(f"         missed: {GOAL:.0f} times as fast as {other.name}")


def run(one: Contestant, place: Path, tests: int, environment: dict[str, str]) -> list[float]:
    shutil.copytree(PROJECT / "supabase", place / "supabase")
    (place / "pyproject.toml").write_text("")
    (place / "conftest.py").write_text(TIMED + one.conftest)
    (place / "test_it.py").write_text(TESTS.format(tests=tests, expected=one.expected))
    command = [sys.executable, "-m", "pytest", "-qx", "--tb=short", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{one.name}:\n{done.stdout}{done.stderr}")
    times: list[float] = json.loads((place / "times.json").read_text())
    return times


def install(folder: Path) -> None:
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target"]
    subprocess.run([*command, str(folder), *PEER], check=True, stderr=subprocess.DEVNULL)


def engine_answers() -> bool:
    docker = shutil.which("docker")
    return (
        docker is not None and not subprocess.run([docker, "info"], capture_output=True).returncode
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 40)
