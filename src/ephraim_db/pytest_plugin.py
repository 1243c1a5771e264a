"""What pytest finds by itself once ephraim_db is installed: fixtures, a marker, the contract.

supabase_server --migrations, seed--> supabase_template --clone--> supabase_database -> supabase_api
   (once a worker)                         |
                                      one clone, lent --rolled back--> supabase_connection -> rls

Every project that has ephraim_db installed loads this file, so it imports only pytest; the rest,
`ephraim_db.testing`, is imported by the fixtures when a test asks for one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    import psycopg

    from ephraim_db.local import LocalSupabase
    from ephraim_db.postgres import Server
    from ephraim_db.project import Database
    from ephraim_db.testing import Rls
    from ephraim_db.testing.databases import Cloner
    from ephraim_db.testing.desk import Desk

MARKER = "as_every_persona"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --rls-contract."""
    parser.getgroup("ephraim-db").addoption(
        "--rls-contract",
        action="store_true",
        help="One test more: the project is as supabase/rls.contract says.",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, and the contract as something to collect."""
    config.addinivalue_line(
        "markers",
        f"{MARKER}(without=[]): run the test as every persona of supabase/rls.toml but those named "
        "in `without`; the test takes the argument `persona`.",
    )
    if config.getoption("rls_contract") and not config.option.help:
        from ephraim_db.testing.collecting import collect_contract

        collect_contract(config)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect an rls.contract that was named, by --rls-contract or by its path."""
    if file_path.name != "rls.contract":
        return None
    from ephraim_db.testing.collecting import ContractFile, is_wanted

    return (
        ContractFile.from_parent(parent, path=file_path) if is_wanted(file_path, parent) else None
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make a test of each persona out of a marked one."""
    marker = metafunc.definition.get_closest_marker(MARKER)
    if marker is None:
        return
    with explained():
        from ephraim_db.testing.marking import personas_of

        everyone = personas_of(metafunc, *marker.args, **marker.kwargs)
    metafunc.parametrize("persona", everyone, ids=[persona.name for persona in everyone])


@contextmanager
def explained() -> Iterator[None]:
    """Let what goes wrong with us be told without a traceback: it says itself what to do."""
    from ephraim_db.errors import EphraimError

    try:
        yield
    except ModuleNotFoundError as error:
        told = (
            f"{error.name} is not installed: pip install 'ephraim-db[testing]', and "
            "'ephraim-db[local]' for supabase_api"
        )
        raise pytest.fail.Exception(told, pytrace=False) from None
    except EphraimError as error:
        raise pytest.fail.Exception(str(error), pytrace=False) from None


@pytest.fixture(scope="session")
def supabase_server(pytestconfig: pytest.Config) -> Iterator[Server]:
    """The Postgres of this run, or of this worker of it, as pyproject.toml chooses."""
    with explained():
        from ephraim_db.postgres import start_postgres
        from ephraim_db.project import read_major_version
        from ephraim_db.testing.configuring import read_configuration

        chosen = read_configuration(pytestconfig.rootpath)
        major = read_major_version(chosen.project)
        with start_postgres(chosen.postgres, major=major) as server:
            yield server


@pytest.fixture(scope="session")
def supabase_template(pytestconfig: pytest.Config, supabase_server: Server) -> Iterator[str]:
    """The name of a database with the project's migrations and seed; connect to clones of it.

    `ephraim-db rls mutate` brings a database of its own, in EPHRAIM_DB_URL.
    """
    with explained():
        from ephraim_db.testing.configuring import read_configuration
        from ephraim_db.testing.databases import made_template

        if given := os.environ.get("EPHRAIM_DB_URL"):
            yield unquote(urlsplit(given).path.removeprefix("/"))
            return
        project = read_configuration(pytestconfig.rootpath).project
        with made_template(supabase_server, project) as name:
            yield name


@pytest.fixture(scope="session")
def _supabase_cloner(supabase_server: Server, supabase_template: str) -> Iterator[Cloner]:
    with explained():
        from ephraim_db.testing.databases import Cloner

        with Cloner(supabase_server, supabase_template) as cloner:
            yield cloner


@pytest.fixture
def supabase_database(_supabase_cloner: Cloner) -> Iterator[Database]:
    """A fresh clone of the project's database, dropped afterwards; `url` acts as role postgres.

    For code that connects by itself, or commits.
    """
    with explained(), _supabase_cloner.cloned() as database:
        yield database


@pytest.fixture
def supabase_api(
    pytestconfig: pytest.Config, supabase_database: Database
) -> Iterator[LocalSupabase]:
    """PostgREST over a fresh clone: `api_url`, `anon_key` and `access_token(sub)` for supabase-py.

    It is over the same clone as supabase_database.
    """
    with explained():
        from ephraim_db.local import serve_database
        from ephraim_db.project import read_api_config
        from ephraim_db.testing.configuring import read_configuration

        project = read_configuration(pytestconfig.rootpath).project
        with serve_database(
            supabase_database.server,
            supabase_database.name,
            config=read_api_config(project),
            project=project,
        ) as local:
            yield local


@pytest.fixture(scope="session")
def _supabase_desk(
    pytestconfig: pytest.Config, request: pytest.FixtureRequest, supabase_server: Server
) -> Iterator[Desk]:
    with explained():
        from ephraim_db.testing.configuring import read_configuration
        from ephraim_db.testing.databases import is_somebodys
        from ephraim_db.testing.desk import Desk

        own = not is_somebodys(supabase_server)
        cloner = request.getfixturevalue("_supabase_cloner") if own else None
        project = read_configuration(pytestconfig.rootpath).project
        with Desk(supabase_server, cloner, project) as desk:
            yield desk


@pytest.fixture
def supabase_connection(_supabase_desk: Desk) -> Iterator[psycopg.Connection[Any]]:
    """A connection as role postgres, in a transaction that is rolled back after the test."""
    with explained(), _supabase_desk.lent() as connection:
        yield connection


@pytest.fixture
def rls(_supabase_desk: Desk, supabase_connection: psycopg.Connection[Any]) -> Rls:
    """Act as personas, and assert what they can do, on supabase_connection."""
    with explained():
        from ephraim_db.testing import Rls

        return Rls(supabase_connection, _supabase_desk)
