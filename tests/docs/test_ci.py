"""What docs/how-to-ci.md gives to CI systems is well formed, and its commands do their work."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from tests.docs.blocks import ROOT, blocks_of
from tests.docs.shell import PROGRAMS
from tests.supabase_cli import copy_project

GITHUB, ELSEWHERE, BEFORE_A_COMMIT = blocks_of("docs/how-to-ci.md", "yaml")


def load(text: str) -> dict[str, Any]:
    return dict(YAML(typ="safe").load(text))


def run(command: str, project: Path) -> None:
    summary = {"GITHUB_STEP_SUMMARY": str(project / "summary.md")}
    path = {"PATH": f"{PROGRAMS[0]}:/usr/bin:/bin", "HOME": str(project)}
    subprocess.run(["bash", "-ec", command], cwd=project, env=path | summary, check=True)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return copy_project(tmp_path)


def test_the_example_is_the_page() -> None:
    example = ROOT / "docs" / "examples" / "github-actions.yml"
    assert example.read_text() == GITHUB.text


def test_the_job_on_github_checks_and_leaves_its_reports(project: Path) -> None:
    (job,) = load(GITHUB.text)["jobs"].values()
    commands = [step["run"] for step in job["steps"] if "run" in step]
    install, *others = commands
    assert install == "pip install 'ephraim-db[rls]'"
    for command in others:
        run(command, project)
    assert {"rls.md", "rls.html", "rls.sarif", "summary.md"} <= {
        path.name for path in project.iterdir()
    }


def test_the_job_elsewhere_checks_and_leaves_junit(project: Path) -> None:
    job = load(ELSEWHERE.text)["rls"]
    for command in job["script"][1:]:
        run(command, project)
    assert "<testsuite" in (project / job["artifacts"]["reports"]["junit"]).read_text()


def test_the_hook_before_a_commit_checks(project: Path) -> None:
    (repository,) = load(BEFORE_A_COMMIT.text)["repos"]
    (hook,) = repository["hooks"]
    run(hook["entry"], project)


@pytest.mark.parametrize(
    "file", sorted((ROOT / ".github" / "workflows").glob("*.yml")), ids=lambda file: file.name
)
def test_our_own_workflows_call_what_is_there(file: Path) -> None:
    makefile = (ROOT / "Makefile").read_text()
    jobs = load(file.read_text())["jobs"].values()
    commands = [step["run"] for job in jobs for step in job["steps"] if "run" in step]
    targets = {line.split()[1] for command in commands for line in [command] if "make " in line}
    assert all(f"\n{target}:" in makefile for target in targets)
    scripts = {command for command in commands if command.startswith(".ci/")}
    assert all((ROOT / script).exists() for script in scripts)
