"""The example in docs/migrations.md runs as it stands, but for the URL."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.supabase_cli import ROOT, make_project


def test_the_example_applies_seeds_and_lists(
    empty_database: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    page = (ROOT / "docs" / "migrations.md").read_text()
    (example,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    make_project(tmp_path, {"1_a.sql": "select 1"}, seed="select 2")
    monkeypatch.chdir(tmp_path)
    exec(compile(example.replace("postgresql://...", empty_database), "example", "exec"), {})
    assert capsys.readouterr().out == "applying 1_a.sql\nseeding supabase/seed.sql\n1 applied\n"
