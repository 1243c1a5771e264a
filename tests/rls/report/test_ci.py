"""The forms that CI systems read: each says what was found, where, and how bad it is."""

from __future__ import annotations

import json
from html import unescape
from pathlib import Path
from xml.etree import ElementTree

import pytest

from ephraim_db.rls.contract import in_order, write_fact
from ephraim_db.rls.contract.facts import Doubt
from ephraim_db.rls.report import FORMS, Report

TOLD = "ann may now read notes.title of all rows (agreed: of the whole organization)"


def policy_line(project: Path) -> int:
    text = (project / "supabase" / "migrations" / "20260101000000_notes.sql").read_text()
    return text[: text.index('create policy "everybody reads"')].count("\n") + 1


def test_annotations_name_the_policy_that_decided(
    report: Report, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    lines = FORMS["github"](report).splitlines()
    place = f"file=supabase/migrations/20260101000000_notes.sql,line={policy_line(project)}"
    assert any(
        line.startswith(
            f"::error {place},title=cross-boundary-read::ann reads rows of another team"
        )
        for line in lines
    ), lines
    assert any(line.startswith(f"::error {place},title=rls.contract::{TOLD}%0A") for line in lines)


def test_annotations_are_one_line_each(report: Report) -> None:
    lines = FORMS["github"](report).splitlines()
    assert all(line.startswith(("::error ", "::warning ", "::notice ")) for line in lines)


def test_paths_begin_at_the_folder_that_ci_stands_in(
    report: Report, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project.parent)
    assert f"file={project.name}/supabase/migrations/" in FORMS["github"](report)


def test_paths_begin_at_the_project_where_ci_stands_elsewhere(
    report: Report, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert "file=supabase/migrations/" in FORMS["github"](report)


def test_sarif_has_a_result_with_a_place_for_each_thing_found(
    report: Report, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    log = json.loads(FORMS["sarif"](report))
    (run,) = log["runs"]
    assert log["version"] == "2.1.0"
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert {"cross-boundary-read", "rls-contract"} <= set(rules)
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
        assert result["level"] in ("error", "warning", "note")
        assert result["message"]["text"]
        assert result["partialFingerprints"]
        (location,) = result["locations"]
        place = location["physicalLocation"]
        assert (project / place["artifactLocation"]["uri"]).is_file()
        assert place["region"]["startLine"] >= 1
    (difference,) = [r for r in run["results"] if r["ruleId"] == "rls-contract"]
    assert difference["message"]["text"] == TOLD
    region = difference["locations"][0]["physicalLocation"]["region"]
    assert region["startLine"] == policy_line(project)


def test_sarif_knows_a_result_again(report: Report) -> None:
    def fingerprints() -> list[str]:
        (run,) = json.loads(FORMS["sarif"](report))["runs"]
        return [result["partialFingerprints"]["about/v1"] for result in run["results"]]

    assert fingerprints() == fingerprints()
    assert len(set(fingerprints())) == len(fingerprints())


def test_junit_has_a_case_for_each_finding_and_each_fact(report: Report) -> None:
    suites = ElementTree.fromstring(FORMS["junit"](report))
    findings, contract = suites.findall("testsuite")
    assert len(findings.findall("testcase")) == len(report.findings)
    cases = {case.get("name"): case for case in contract.findall("testcase")}
    assert sorted(map(str, cases)) == sorted(write_fact(fact) for fact in report.facts)
    for suite in (findings, contract):
        assert suite.get("tests") == str(len(suite.findall("testcase")))
        assert suite.get("failures") == str(len(suite.findall(".//failure")))


def test_junit_fails_what_differs_and_skips_what_is_unproven(report: Report) -> None:
    suites = ElementTree.fromstring(FORMS["junit"](report))
    (failed,) = suites.findall("testsuite[@name='contract']/testcase[failure]")
    assert failed.get("name") == "ann reads public.notes.title of all rows"
    assert failed.find("failure[@message]") is not None
    skipped = {case.get("name") for case in suites.findall(".//testcase[skipped]")}
    doubts = {write_fact(fact) for fact in in_order(report.facts) if isinstance(fact, Doubt)}
    assert doubts
    assert skipped == doubts


def test_json_has_the_lines_that_differ(report: Report) -> None:
    document = json.loads(FORMS["json"](report))
    assert document["differences"] == [
        {
            "change": "wider",
            "personas": ["ann"],
            "relation": "public.notes",
            "columns": ["title"],
            "message": TOLD,
            "agreed": ["ann reads public.notes.title of its organization"],
            "observed": ["ann reads public.notes.title of all rows"],
        }
    ]


@pytest.mark.parametrize("form", FORMS)
def test_every_form_tells_findings_before_differences(report: Report, form: str) -> None:
    text = " ".join(unescape(FORMS[form](report)).replace("\\", "").split())
    assert report.findings[0].message in text
    assert TOLD in text
    assert text.index(report.findings[0].message) < text.index(TOLD)


@pytest.mark.parametrize("form", FORMS)
def test_no_form_changes_between_runs(report: Report, form: str) -> None:
    assert FORMS[form](report) == FORMS[form](report)
