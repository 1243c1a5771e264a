"""Wherever `migrate up` stops, each file is applied and recorded, or neither; the rest follows."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import psycopg
import pytest
from tests.catalog import catalog
from tests.faults import stories
from tests.faults.boundaries import CUTS, KILLS, Fault
from tests.faults.conftest import Clones
from tests.faults.sweeping import Scene, play, sweep

from ephraim_db.migrations import apply_migrations, find_migrations

OURS = Path(__file__).parents[2] / "supabase" / "migrations"
Scenes = Callable[[], AbstractContextManager[Scene]]
Ledger = tuple[str, ...]
State = list[str]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    shutil.copytree(OURS, tmp_path / "supabase" / "migrations")
    return tmp_path


@pytest.fixture
def scenes(empty_clones: Clones, project: Path) -> Scenes:
    @contextmanager
    def scene() -> Iterator[Scene]:
        with empty_clones() as database:
            yield Scene(database, database.url, lambda url, _: (project, url), "")

    return scene


def ledger(url: str) -> Ledger:
    with psycopg.connect(url) as connection:
        there = connection.execute(
            "select from pg_class where oid = to_regclass('supabase_migrations.schema_migrations')"
        ).rowcount
        if not there:
            return ()
        query = "select version from supabase_migrations.schema_migrations order by version"
        return tuple(row[0] for row in connection.execute(query))


@pytest.fixture
def states(scenes: Scenes, project: Path) -> dict[Ledger, list[State]]:
    """What a database looks like after so many files; with a ledger and without before them."""
    found: dict[Ledger, list[State]] = {}
    migrations = find_migrations(project)
    with scenes() as before:
        found[()] = [catalog(before.superuser)]
        for count in range(len(migrations) + 1):
            with psycopg.connect(before.login, autocommit=True) as connection:
                apply_migrations(connection, migrations[:count])
            found.setdefault(ledger(before.superuser), []).append(catalog(before.superuser))
    return found


@pytest.mark.parametrize("fault", [*KILLS, *CUTS])
def test_no_file_is_ever_half_applied_and_running_again_applies_the_rest(
    fault: Fault, scenes: Scenes, states: dict[Ledger, list[State]]
) -> None:
    whole = max(states, key=len)
    for stopped, _, ending in sweep(stories.migrate, scenes, fault, sample=4 if fault.kills else 2):
        applied = ledger(stopped.superuser)
        assert catalog(stopped.superuser) in states[applied]
        if not fault.kills:
            assert "migrate status" in ending.refusal
        again = play(stories.migrate, stopped)
        assert not again.refusal + again.crash
        assert ledger(stopped.superuser) == whole
        assert catalog(stopped.superuser) in states[whole]
