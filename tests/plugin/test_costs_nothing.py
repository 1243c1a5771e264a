"""Where no test asks for it, the plugin imports nothing, starts nothing and wants nothing."""

from __future__ import annotations

import pytest

LOADED = """
import sys

def test_it():
    assert "ephraim_db.pytest_plugin" in sys.modules
    heavy = {"psycopg", "click", "rich", "httpx", "supabase", "pydantic", "starlette", "jinja2",
             "ephraim_db.testing", "ephraim_db.rls", "ephraim_db.postgres"}
    assert heavy & sys.modules.keys() == set()
"""


def test_a_project_without_supabase_pays_for_two_small_modules(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_it=LOADED)
    pytester.makepyprojecttoml("[tool.ephraim_db]\nnonsense = 1\n")
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-W", "error")
    result.assert_outcomes(passed=1)


def test_the_fixtures_and_the_marker_are_listed_with_what_they_are_for(
    pytester: pytest.Pytester,
) -> None:
    listed = pytester.runpytest_subprocess("--fixtures", "-p", "no:cacheprovider").stdout.str()
    for name in ("server", "template", "database", "api", "connection"):
        assert f"supabase_{name}" in listed
    assert "rls -- " in listed
    marks = pytester.runpytest_subprocess("--markers", "-p", "no:cacheprovider").stdout.str()
    assert "@pytest.mark.as_every_persona(without=[])" in marks
