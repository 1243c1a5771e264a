"""Real databases for every test: those of our own pytest plugin by shorter names, and more."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import psycopg.sql
import pytest

from ephraim_db.local import LocalSupabase
from ephraim_db.migrations import apply_migrations, apply_seed, find_migrations
from ephraim_db.postgres import DefaultGrants, Server, create_database, drop_database
from ephraim_db.project import Database, read_api_config
from ephraim_db.testing.databases import Cloner

pytest_plugins = ["pytester"]

# A run in the background ignores Ctrl-C, and so would every program that a test interrupts.
signal.signal(signal.SIGINT, signal.default_int_handler)

# What is imported and collected lasts: to look through it for garbage takes a third of that time.
gc.disable()

PROJECT = Path(__file__).parents[1]
GIVEN = os.environ.get("EPHRAIM_DB_URL")
"""A mutant of our project, if `rls mutate` runs these tests."""


@pytest.fixture(scope="session")
def server(supabase_server: Server) -> Server:
    """The Postgres of this worker; EPHRAIM_DB_POSTGRES chooses which (default: embedded)."""
    return supabase_server


@pytest.fixture(scope="session")
def project_template(supabase_template: str) -> str:
    """The name of a database with the platform, our migrations and our seed; connect to clones."""
    return supabase_template


@pytest.fixture
def database_name(supabase_database: Database) -> str:
    """The name of a fresh clone of our project's database, dropped afterwards."""
    return supabase_database.name


@pytest.fixture
def database(supabase_database: Database) -> str:
    """The URL, as role postgres, of a fresh clone of our project's database."""
    return supabase_database.url


@pytest.fixture(scope="session", params=["given"] if GIVEN else ["legacy", "explicit"])
def on_any_platform(request: pytest.FixtureRequest, server: Server) -> Iterator[str]:
    """The URL of our project's database, on a platform with either flavour of default grants.

    For tests that leave it as it was.
    """
    if GIVEN:
        yield GIVEN
        return
    grants: DefaultGrants = request.param
    name = f"ours_{grants}"
    create_database(server, name, default_grants=grants)
    with psycopg.connect(server.url(name, "postgres"), autocommit=True) as connection:
        apply_migrations(connection, find_migrations(PROJECT))
        apply_seed(connection, PROJECT)
    yield server.url(name, "postgres")
    drop_database(server, name)


@pytest.fixture(scope="session")
def platform_template(server: Server) -> str:
    """The name of a database with the platform and nothing of ours; connect to clones."""
    create_database(
        server, "platform_template", default_grants=read_api_config(PROJECT).default_grants
    )
    return "platform_template"


@pytest.fixture(scope="session")
def platform_cloner(server: Server, platform_template: str) -> Iterator[Cloner]:
    """What makes fresh Supabase projects without a migration."""
    with Cloner(server, platform_template) as cloner:
        yield cloner


@pytest.fixture
def empty_database(platform_cloner: Cloner) -> Iterator[str]:
    """The URL, as role postgres, of a fresh Supabase project without a migration."""
    with platform_cloner.cloned() as database:
        yield database.url


@pytest.fixture
def local(supabase_api: LocalSupabase) -> LocalSupabase:
    """A local Supabase over a fresh clone of our project's database."""
    return supabase_api


@pytest.fixture
def sender_url(server: Server, database_name: str) -> str:
    """The URL, as a login that is a member of ephraim_sender, of the same database."""
    with psycopg.connect(server.url(database_name), autocommit=True) as connection:
        exists = connection.execute("select from pg_roles where rolname = 'sender_login'").rowcount
        if not exists:
            connection.execute(
                psycopg.sql.SQL(
                    "create role sender_login login password {} in role ephraim_sender"
                ).format(server.password)
            )
    return server.url(database_name, "sender_login")


def find_browser() -> str | None:
    """Return the path of an installed Chromium."""
    return next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
    )


def can_make_a_small_disk() -> bool:
    """Whether we may have a mount namespace: as root, or as root of a user namespace."""
    unshare = shutil.which("unshare")
    ours = ["--mount"] if os.geteuid() == 0 else ["--user", "--map-root-user", "--mount"]
    return unshare is not None and subprocess.run([unshare, *ours, "true"]).returncode == 0


def left_out() -> dict[str, str]:
    """Which fixtures cannot be had here, and what that takes. CI has all, so there they fail."""
    missing = {}
    if "CI" not in os.environ and find_browser() is None:
        missing["browser"] = "what needs a browser. apt-get install chromium"
    if "CI" not in os.environ and not can_make_a_small_disk():
        missing["disk"] = "what needs a full disk. Run as root, or allow user namespaces"
    return missing


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Two more than there are cores: a test that waits for a program or a pause needs none."""
    return (os.cpu_count() or 1) + 2


def pytest_configure(config: pytest.Config) -> None:
    """Judge properties by what they say, not by how fast this machine says it just now."""
    if config.pluginmanager.hasplugin("hypothesispytest"):
        from hypothesis import settings

        settings.register_profile("unhurried", settings.default, deadline=None)
        settings.load_profile("unhurried")


def pytest_collection_finish() -> None:
    """Look for garbage from now on, and only among what the tests make."""
    gc.freeze()
    gc.enable()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    missing = left_out()
    left = [item for item in items if {*missing}.intersection(getattr(item, "fixturenames", ()))]
    if left:
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if item not in left]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for what in left_out().values():
        terminalreporter.write_line(f"LEFT OUT: {what}")
