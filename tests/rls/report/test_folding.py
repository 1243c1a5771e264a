"""What several personas were found to do is told to people once, and to programs of each."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from ephraim_db.rls.findings import Finding
from ephraim_db.rls.findings.attempting import Step
from ephraim_db.rls.findings.scripts import write_script
from ephraim_db.rls.report import FORMS, Report

FOUND = Finding(
    "cross-boundary-read",
    "error",
    "worker",
    "public.notes",
    ("id",),
    "worker reads rows of another team in public.notes",
    "begin;\nrollback;\n",
    "Close it.",
)
OF_ANOTHER = replace(
    FOUND, persona="admin", message="admin reads rows of another team in public.notes"
)
OF_OTHER_ROWS = replace(
    OF_ANOTHER, relation="public.tasks", message="admin reads rows of another team in public.tasks"
)


@pytest.mark.parametrize("form", ["text", "markdown", "github", "sarif", "html"])
def test_people_read_one_sentence_for_all_personas(report: Report, form: str) -> None:
    told = FORMS[form](replace(report, findings=(FOUND, OF_ANOTHER)))
    assert "worker reads rows of another team" in told
    assert "admin reads rows of another team" not in told
    assert "admin" in told


@pytest.mark.parametrize("form", ["text", "markdown", "github", "sarif", "html"])
def test_what_is_about_another_relation_is_told_by_itself(report: Report, form: str) -> None:
    told = FORMS[form](replace(report, findings=(FOUND, OF_OTHER_ROWS)))
    assert "worker reads rows of another team" in told
    assert "admin reads rows of another team" in told


@pytest.mark.parametrize("form", ["html", "sarif", "junit"])
@pytest.mark.parametrize("rows", [3, 2_000])
def test_a_long_script_is_shown_without_the_rows_it_makes(
    report: Report, form: str, rows: int
) -> None:
    script = write_script("Title", [f"insert into rows_{n};" for n in range(rows)], [Step("look")])
    told = FORMS[form](replace(report, findings=(replace(FOUND, sql=script),)))
    assert ("insert into rows_1;" in told) == (rows == 3)
    assert (f"{rows} lines that make rows are left out here" in told) == (rows > 3)
    assert "look;" in told
    whole = json.loads(FORMS["json"](replace(report, findings=(replace(FOUND, sql=script),))))
    assert whole["findings"][0]["sql"] == script


def test_what_one_remedy_cures_is_told_with_it_once(report: Report) -> None:
    removing = replace(FOUND, message="worker removes rows of another team in public.notes")
    told = FORMS["text"](replace(report, findings=(FOUND, removing)))
    assert "worker reads rows" in told
    assert "worker removes rows" in told
    assert told.count("fix: Close it.") == 1
    assert "findings: 2 errors" in told


def test_programs_read_one_of_each_persona(report: Report) -> None:
    told = json.loads(FORMS["json"](replace(report, findings=(FOUND, OF_ANOTHER))))
    assert [one["persona"] for one in told["findings"]] == ["worker", "admin"]
