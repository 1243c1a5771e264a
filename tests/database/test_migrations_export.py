"""`ephraim-db migrations export` puts our migrations into a project, never over a file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psycopg
from tests.supabase_cli import ROOT, make_project

from ephraim_db.migrations import apply_migrations, find_migrations

COMMAND = Path(sys.executable).with_name("ephraim-db")
OURS = sorted((ROOT / "supabase" / "migrations").glob("*.sql"))
PARTITIONS = sorted((ROOT / "supabase" / "optional").glob("*.sql"))


def export(project: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [COMMAND, "migrations", "export", project, *options],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def files(project: Path) -> dict[str, bytes]:
    folder = project / "supabase" / "migrations"
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_another_project_gets_them_all_and_no_seed(tmp_path: Path, empty_database: str) -> None:
    project = make_project(tmp_path, {"20250101000000_notes.sql": "create table public.notes ()"})
    done = export(project)
    assert (done.returncode, done.stdout) == (0, f"wrote {len(OURS)}\n"), done.stderr
    assert {path.name: path.read_bytes() for path in OURS}.items() <= files(project).items()
    assert not (project / "supabase" / "seed.sql").exists()
    with psycopg.connect(empty_database, autocommit=True) as connection:
        applied = apply_migrations(connection, find_migrations(project))
    assert len(applied) == 1 + len(OURS)


def test_exported_twice_is_exported_once(tmp_path: Path) -> None:
    project = make_project(tmp_path, {})
    export(project)
    before = files(project)
    done = export(project)
    assert (done.returncode, done.stdout, done.stderr) == (0, "all there\n", "")
    assert files(project) == before


def test_partitions_of_the_log_come_when_they_are_asked_for_and_last(tmp_path: Path) -> None:
    project = make_project(tmp_path, {})
    export(project)
    assert files(project).keys() == {path.name for path in OURS}
    done = export(project, "--partition-sms-logs")
    assert (done.returncode, done.stdout) == (0, f"wrote {len(PARTITIONS)}\n"), done.stderr
    assert sorted(files(project))[-len(PARTITIONS) :] == [path.name for path in PARTITIONS]


def test_a_file_that_differs_is_not_overwritten_and_nothing_is_written(tmp_path: Path) -> None:
    project = make_project(tmp_path, {OURS[1].name: "select 'mine'"})
    done = export(project)
    assert done.returncode == 2
    assert "differs from ours: move it away to have ours" in done.stderr
    assert files(project) == {OURS[1].name: b"select 'mine'"}


def test_a_version_of_ours_under_another_name_is_refused(tmp_path: Path) -> None:
    version = OURS[0].name.partition("_")[0]
    project = make_project(tmp_path, {f"{version}_mine.sql": "select 1"})
    done = export(project)
    assert done.returncode == 2
    assert f"{version}_mine.sql has the version of our {OURS[0].name}" in done.stderr


def test_a_folder_without_supabase_is_told_so(tmp_path: Path) -> None:
    done = export(tmp_path)
    assert done.returncode == 2
    assert "no supabase folder in" in done.stderr
    assert not list(tmp_path.iterdir())
