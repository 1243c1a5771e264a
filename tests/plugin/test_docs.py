"""docs/pytest.md runs as it stands, in the project of these tests, and shows what is printed."""

from __future__ import annotations

import textwrap
import tomllib
from pathlib import Path

import pytest
from tests.docs.blocks import blocks_of
from tests.plugin.conftest import Run

from ephraim_db.testing import Rls
from ephraim_db.testing.configuring import read_configuration

PAGE = "docs/pytest.md"


def test_the_examples_pass(pytester: pytest.Pytester, project: Path, run: Run) -> None:
    examples = blocks_of(PAGE, "python")
    pytester.makepyfile(**{f"test_{n}": block.text for n, block in enumerate(examples)})
    result = run()
    result.assert_outcomes(passed=2 + 2 + 3)


def test_the_failure_is_the_one_shown(notes: Rls) -> None:
    shown = blocks_of(PAGE, "text")[0].text
    with pytest.raises(AssertionError) as failed:
        notes.assert_cannot("ann", "update notes set title = 'x' where title = 'of ann'")
    assert str(failed.value) == shown.rstrip("\n")


def test_the_configuration_shown_is_what_it_is_without(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EPHRAIM_DB_POSTGRES", raising=False)
    without = read_configuration(project)
    (project / "pyproject.toml").write_text(blocks_of(PAGE, "toml")[0].text)
    assert read_configuration(project) == without
    assert tomllib.loads(blocks_of(PAGE, "toml")[0].text)["tool"]["ephraim_db"]


def test_every_fixture_shown_is_one_and_the_other_way_round(pytester: pytest.Pytester) -> None:
    listed = pytester.runpytest_subprocess("--fixtures", "-p", "no:cacheprovider").outlines
    ours = {line.split()[0] for line in listed if line.startswith(("supabase_", "rls"))}
    page = Path(__file__).parents[2].joinpath(PAGE).read_text()
    shown = {line.split("`")[1] for line in page.splitlines() if line.startswith("| `")}
    assert {name for name in shown if name.startswith(("supabase_", "rls"))} >= ours
    assert len(ours) == 6


def test_the_commands_shown_are_the_extra_and_the_option(
    pytester: pytest.Pytester, project: Path
) -> None:
    commands = textwrap.dedent("".join(block.text for block in blocks_of(PAGE, "console")))
    assert commands.splitlines() == [
        "$ pip install 'ephraim-db[testing]'",
        "$ pytest",
        "$ pytest --rls-contract",
    ]
    pyproject = tomllib.loads(Path(__file__).parents[2].joinpath("pyproject.toml").read_text())
    assert "testing" in pyproject["project"]["optional-dependencies"]
    assert "--rls-contract" in pytester.runpytest_subprocess("--help").stdout.str()
