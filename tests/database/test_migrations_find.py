"""The files of a project are found and ordered as the Supabase CLI does."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.supabase_cli import make_project

from ephraim_db.errors import InvalidProject
from ephraim_db.migrations import find_migrations


def test_versions_are_ordered_as_text(tmp_path: Path) -> None:
    project = make_project(tmp_path, {"9_c.sql": "", "10_b.sql": "", "20260127000001_a.sql": ""})
    found = [migration.version for migration in find_migrations(project)]
    assert found == ["10", "20260127000001", "9"]


def test_a_file_with_another_name_is_skipped_and_the_user_is_told(tmp_path: Path) -> None:
    names = {"README.md": "", "1_a.sql.bak": "", "a_1.sql": "", "1-a.sql": "", "2_b.sql": ""}
    project, said = make_project(tmp_path, names), list[str]()
    found = find_migrations(project, on_progress=said.append)
    assert [migration.name for migration in found] == ["b"]
    assert len(said) == 4
    assert "skipping README.md: the name does not match <version>_<name>.sql" in said


def test_an_init_file_of_the_old_cli_is_skipped_where_the_cli_skips_it(tmp_path: Path) -> None:
    project, said = make_project(tmp_path, {"20200101000000_init.sql": ""}), list[str]()
    assert find_migrations(project, on_progress=said.append) == []
    assert "give it another name" in said[0]
    make_project(tmp_path, {"1_a.sql": ""})  # it is skipped only where it comes first
    assert len(find_migrations(project)) == 2


def test_two_files_may_not_share_a_version(tmp_path: Path) -> None:
    project = make_project(tmp_path, {"1_a.sql": "", "1_b.sql": ""})
    with pytest.raises(InvalidProject, match=r"1_a\.sql and 1_b\.sql share the version 1"):
        find_migrations(project)


def test_a_byte_order_mark_is_no_part_of_the_sql_and_line_ends_are(tmp_path: Path) -> None:
    project = make_project(tmp_path, {"1_a.sql": b"\xef\xbb\xbfselect\r\n1;\r\nselect 2"})
    (migration,) = find_migrations(project)
    assert [statement.text for statement in migration.statements] == ["select\r\n1", "select 2"]


def test_a_file_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    project = make_project(tmp_path, {"1_a.sql": b"select '\xe9'"})
    with pytest.raises(InvalidProject, match=r"1_a\.sql is not UTF-8 \(byte 9\)"):
        find_migrations(project)


def test_a_folder_without_supabase_is_refused_and_one_without_migrations_is_not(
    tmp_path: Path,
) -> None:
    with pytest.raises(InvalidProject, match="no supabase folder"):
        find_migrations(tmp_path)
    (tmp_path / "supabase").mkdir()
    assert find_migrations(tmp_path) == []
