"""A marked test is run as every persona, and what is wrong with the mark is told."""

from __future__ import annotations

from pathlib import Path

from tests.plugin.conftest import Run, said

EVERYBODY = """
import pytest

@pytest.mark.as_every_persona{arguments}
def test_nobody_removes_notes(rls, persona):
    rls.assert_cannot(persona, "delete from notes")
"""


def test_a_marked_test_is_run_as_each_by_name(project: Path, run: Run) -> None:
    result = run(EVERYBODY.format(arguments=""), "-v", "--strict-markers")
    result.assert_outcomes(passed=3, failed=1)
    for name, outcome in {"visitor": "PASSED", "ann": "PASSED", "service": "FAILED"}.items():
        assert f"test_nobody_removes_notes[{name}] {outcome}" in said(result)


def test_some_can_be_left_out(project: Path, run: Run) -> None:
    result = run(EVERYBODY.format(arguments='(without=["service"])'))
    result.assert_outcomes(passed=3)


def test_it_multiplies_with_other_parameters(project: Path, run: Run) -> None:
    result = run(
        """
import pytest

@pytest.mark.parametrize("table", ["notes", "members"])
@pytest.mark.as_every_persona(without=["service"])
def test_it(rls, persona, table):
    rls.assert_cannot(persona, f"delete from {table}")
"""
    )
    result.assert_outcomes(passed=6)


def test_whoever_is_left_out_must_exist(project: Path, run: Run) -> None:
    result = run(EVERYBODY.format(arguments='(without=["servise"])'))
    assert "nobody is called servise; there is service" in said(result)
    result.assert_outcomes(errors=1)


def test_a_marked_test_takes_the_persona(project: Path, run: Run) -> None:
    result = run("import pytest\n@pytest.mark.as_every_persona\ndef test_it(rls): ...")
    assert "a test of every persona takes the argument `persona`" in said(result)
    result.assert_outcomes(errors=1)


def test_without_an_rls_toml_nobody_knows_who_everybody_is(project: Path, run: Run) -> None:
    (project / "supabase" / "rls.toml").unlink()
    result = run(EVERYBODY.format(arguments=""))
    assert "rls.toml: is not there, so it is not known who everybody is" in said(result)
    result.assert_outcomes(errors=1)
