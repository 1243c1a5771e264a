"""The contract is one test, wherever it is collected from."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.plugin.conftest import Run, said

from ephraim_db.rls import Personas, read_personas
from ephraim_db.rls.contract import facts_of, write_contract
from ephraim_db.rls.findings import examine
from ephraim_db.testing.desk import Desk

ONE = "def test_one(): ..."


@pytest.fixture(scope="session")
def contract(desk: Desk, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """What `ephraim-db rls accept` writes for the project."""
    file = tmp_path_factory.mktemp("contract") / "rls.contract"
    personas: Personas = read_personas(desk.project / "supabase" / "rls.toml")
    with desk.lent() as connection:
        write_contract(file, facts_of(examine(connection, personas, rules=()).matrix))
    return file.read_bytes()


@pytest.fixture
def agreed(project: Path, contract: bytes) -> Path:
    (project / "supabase" / "rls.contract").write_bytes(contract)
    return project


def test_what_is_agreed_passes_as_one_test(agreed: Path, run: Run) -> None:
    result = run(ONE, "--rls-contract", "-v", "test_it.py")
    result.assert_outcomes(passed=2)
    assert "supabase/rls.contract::contract PASSED" in said(result)


def test_it_is_collected_once_also_by_a_folder_and_its_own_path(agreed: Path, run: Run) -> None:
    for arguments in (["--rls-contract"], ["--rls-contract", ".", "supabase/rls.contract"]):
        result = run(ONE, *arguments)
        result.assert_outcomes(passed=2)
    run(ONE, "supabase/rls.contract").assert_outcomes(passed=1)


def test_it_is_left_alone_where_nobody_asks(agreed: Path, run: Run) -> None:
    run(ONE).assert_outcomes(passed=1)


def test_it_runs_once_under_xdist(agreed: Path, run: Run) -> None:
    run(ONE, "--rls-contract", "-n", "2").assert_outcomes(passed=2)


def test_a_difference_is_told_as_a_sentence_with_its_place(agreed: Path, run: Run) -> None:
    migration = agreed / "supabase" / "migrations" / "20260101000000_notes.sql"
    sql = migration.read_text()
    wide = sql.replace(
        'using (user_id = (select auth.uid()));\ncreate policy "anybody',
        'using (true);\ncreate policy "anybody',
    )
    assert wide != sql
    migration.write_text(wide)
    result = run(ONE, "--rls-contract")
    result.assert_outcomes(passed=1, failed=1)
    line = wide[: wide.index('create policy "members read')].count("\n") + 1
    assert "may now read members" in said(result)
    assert f"supabase/migrations/20260101000000_notes.sql:{line}" in said(result)
    assert "if that is meant: ephraim-db rls accept" in said(result)


def test_that_there_is_no_contract_is_told_before_anything_runs(project: Path, run: Run) -> None:
    result = run(ONE, "--rls-contract")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "`ephraim-db rls accept` writes it" in said(result)
    assert "Traceback" not in said(result)
