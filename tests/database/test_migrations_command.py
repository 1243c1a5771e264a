"""`ephraim-db migrate` says what it does, and its exit status can be relied on."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.in_process import run_here
from tests.supabase_cli import make_project


def migrate(
    action: str, project: Path, url: str | None, *options: str
) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key != "DATABASE_URL"}
    return run_here(
        "migrate",
        action,
        "--project",
        project,
        *options,
        environment=environment if url is None else {**environment, "DATABASE_URL": url},
    )


def test_up_tells_each_file_and_status_tells_each_state(
    empty_database: str, tmp_path: Path
) -> None:
    project = make_project(tmp_path, {"1_first.sql": "select 1", "20_second.sql": "select 2"})
    status = migrate("status", project, empty_database)
    assert (status.returncode, status.stderr) == (1, "")
    assert status.stdout == "1   pending  first\n20  pending  second\n2 pending\n"

    up = migrate("up", project, empty_database)
    assert (up.returncode, up.stdout) == (0, "applied 2\n")
    assert up.stderr == "applying 1_first.sql\napplying 20_second.sql\n"

    again = migrate("up", project, empty_database)
    assert (again.returncode, again.stdout, again.stderr) == (0, "up to date\n", "")
    assert migrate("status", project, empty_database).returncode == 0


def test_an_edited_migration_is_shown_and_stops_up(empty_database: str, tmp_path: Path) -> None:
    project = make_project(tmp_path, {"1_a.sql": "select 1"})
    migrate("up", project, empty_database)
    make_project(tmp_path, {"1_a.sql": "select 2", "2_b.sql": "select 3"})
    status = migrate("status", project, empty_database)
    assert status.returncode == 1
    assert status.stdout == "1  edited   a\n2  pending  b\n1 edited, 1 pending\n"
    up = migrate("up", project, empty_database)
    assert up.returncode == 1
    assert up.stderr.startswith("error: applied migrations were edited since: 1. Nothing was")


def test_a_failed_migration_is_one_line_and_status_1(empty_database: str, tmp_path: Path) -> None:
    project = make_project(tmp_path, {"1_a.sql": "select 1", "2_b.sql": "select 1;\nselect nope"})
    up = migrate("up", project, empty_database)
    assert up.returncode == 1
    assert up.stderr.splitlines()[-1] == (
        'error: 2_b.sql:2: statement 2 (select nope) failed: column "nope" does not exist [42703].'
        " Nothing of the file was applied. Mend it and run again."
    )


def test_a_late_migration_needs_include_all(empty_database: str, tmp_path: Path) -> None:
    migrate("up", make_project(tmp_path, {"2_b.sql": "select 1"}), empty_database)
    project = make_project(tmp_path, {"1_a.sql": "select 1"})
    up = migrate("up", project, empty_database)
    assert up.returncode == 1
    assert "--include-all" in up.stderr
    assert migrate("up", project, empty_database, "--include-all").returncode == 0


def test_no_project_is_status_2(empty_database: str, tmp_path: Path) -> None:
    up = migrate("up", tmp_path, empty_database)
    assert up.returncode == 2
    assert "no supabase folder in" in up.stderr


def test_no_database_is_status_2(tmp_path: Path) -> None:
    up = migrate("up", make_project(tmp_path, {}), None)
    assert up.returncode == 2
    assert "--database-url" in up.stderr


@pytest.mark.parametrize("break_url", ["nobody", "password", "host", "text"])
def test_a_database_that_cannot_be_reached_is_status_2_and_no_password_is_shown(
    empty_database: str, tmp_path: Path, break_url: str
) -> None:
    parts = urlsplit(empty_database)
    assert parts.password is not None
    url = {
        "nobody": empty_database.replace("//postgres:", "//nobody:"),
        "password": empty_database.replace(parts.password, "s3cret"),
        "host": f"postgresql://postgres:s3cret@127.0.0.1:1{parts.path}",
        "text": f"postgres:s3cret@127.0.0.1{parts.path}",
    }[break_url]
    up = migrate("up", make_project(tmp_path, {}), url)
    assert up.returncode == 2
    assert up.stderr.startswith("Error: ")
    assert "s3cret" not in up.stderr
    assert parts.password not in up.stderr
