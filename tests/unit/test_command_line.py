"""The command line says what to install, and never shows a traceback for what users can mend."""

from __future__ import annotations

import subprocess
import sys

import pytest


def run(*arguments: str, without: str = "nothing") -> subprocess.CompletedProcess[str]:
    """Run `ephraim-db` as if the package `without` were not installed."""
    code = (
        f"import sys; sys.modules[{without!r}] = None; sys.argv[0] = 'ephraim-db';"
        "from ephraim_db.cli import main; main()"
    )
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
    )


def test_without_click_it_names_the_extra() -> None:
    ran = run("start", without="click")
    assert ran.returncode == 1
    assert ran.stderr == (
        "ephraim-db's commands need more packages: pip install 'ephraim-db[rls]'\n"
    )


@pytest.mark.parametrize(
    ("command", "package", "extra"),
    [("start", "starlette", "local"), ("start", "uvicorn", "local"), ("rls", "psycopg", "rls")],
)
def test_a_command_names_the_extra_it_needs(command: str, package: str, extra: str) -> None:
    ran = run(command, "--help", without=package)
    assert ran.returncode == 1
    assert f"`{command}` needs the package {package}: pip install" in ran.stderr
    assert f"ephraim-db[{extra}]" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_help_needs_no_package_of_any_command() -> None:
    ran = run("--help", without="psycopg")
    assert ran.returncode == 0
    assert "Run a local Supabase until Ctrl-C." in ran.stdout


@pytest.mark.parametrize("command", ["start", "migrate", "rls", "keys", "demo"])
def test_every_command_listed_is_there(command: str) -> None:
    ran = run(command, "--help")
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("Usage: ephraim-db")
