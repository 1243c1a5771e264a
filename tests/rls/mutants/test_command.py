"""`ephraim-db rls mutate`, from the outside: against the contract, and against a command."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest
from tests.catalog import catalog
from tests.rls.conftest import ANN, BOB, CYD, USERS
from tests.rls.mutants.conftest import PROJECT

from ephraim_db.cli.rls.mutation_report import counting
from ephraim_db.postgres.binaries import embedded_binaries
from ephraim_db.rls.mutants.judging import Judgement
from ephraim_db.rls.mutants.mutant import Mutant

EPHRAIM_DB = str(Path(sys.executable).parent / "ephraim-db")
SCHEMA, _, ROWS = PROJECT.partition("insert into public.teams")
ROWS, _, POLICIES = ROWS.partition("alter table")
TOML = f"""
boundary = "team_id"
[personas.ann]
role = "authenticated"
sub = "{ANN}"
[personas.cyd]
role = "authenticated"
sub = "{CYD}"
[personas.visitor]
role = "anon"
"""
LOOKS = f"""
seen=$({embedded_binaries().directory}/psql -XAtq "$EPHRAIM_DB_URL" \\
    -c "set role authenticated" \\
    -c "set request.jwt.claim.sub = '{BOB}'" \\
    -c "select title from public.notes")
test "$seen" = "of bob"
"""
"""A test of somebody's: bob sees just his note."""


def make(folder: Path) -> Path:
    supabase = folder / "supabase"
    (supabase / "migrations").mkdir(parents=True)
    (supabase / "migrations" / "1_notes.sql").write_text(f"{SCHEMA} alter table {POLICIES}")
    (supabase / "seed.sql").write_text(f"{USERS} insert into public.teams {ROWS}")
    (supabase / "rls.toml").write_text(TOML)
    (folder / "looks.sh").write_text(LOOKS)
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make(tmp_path)


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What `rls accept` writes of the project: the same each time."""
    project = make(tmp_path_factory.mktemp("accepted"))
    assert run(project, "accept").returncode == 0
    return (project / "supabase" / "rls.contract").read_text()


@pytest.fixture
def agreed(project: Path, contract: str) -> Path:
    """The project with its contract."""
    (project / "supabase" / "rls.contract").write_text(contract)
    return project


def run(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [EPHRAIM_DB, "rls", *arguments],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def test_a_log_is_told_how_far_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    mutant = Mutant("grant", "public.notes", "anybody may read it", "grant select on notes to anon")
    with counting(300) as count:
        for number in range(300):
            count(Judgement(mutant, "survived" if number == 150 else "killed", ""))
    assert capsys.readouterr().err.splitlines() == [
        "breaking 300 things, one at a time",
        "100 of 300, 0 unnoticed",
        "200 of 300, 1 unnoticed",
        "300 of 300, 1 unnoticed",
    ]


def test_against_the_contract_survivors_lower_the_score(agreed: Path) -> None:
    told = run(agreed, "mutate", "--fail-under", "100")
    assert told.returncode == 1, told.stderr
    assert "without title <> CAST('hidden' AS text)" in told.stdout
    assert (
        "would show it: a row for which title <> CAST('hidden' AS text) is not true" in told.stdout
    )
    assert run(agreed, "mutate", "--fail-under", "90").returncode == 0


def test_what_was_tried_when_ctrl_c_came_is_told(agreed: Path) -> None:
    with subprocess.Popen(
        [EPHRAIM_DB, "rls", "mutate"],
        cwd=agreed,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stderr is not None
        assert any(line.startswith("breaking ") for line in running.stderr)
        running.send_signal(signal.SIGINT)
        told, _ = running.communicate(timeout=60)
    assert running.returncode == 130
    tried = re.search(r"stopped: (\d+) of (\d+) were tried", told)
    assert tried is not None, told
    assert int(tried[1]) < int(tried[2])
    assert f"{tried[1]} mutants in " in told


def test_without_a_contract_that_is_so_nothing_is_told(project: Path) -> None:
    assert run(project, "mutate").returncode == 2
    assert run(project, "accept").returncode == 0
    with (project / "supabase" / "seed.sql").open("a") as seed:
        seed.write("delete from public.notes;")
    told = run(project, "mutate")
    assert (told.returncode, told.stdout) == (2, "")
    assert "ephraim-db rls check" in told.stderr


def test_a_database_of_yours_is_afterwards_as_it_was_before(project: Path, url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(PROJECT.encode())
    assert run(project, "accept", "--database-url", url).returncode == 0
    before = catalog(url), notes(url)
    told = run(project, "mutate", "--database-url", url)
    assert "not noticed, " in told.stdout
    assert (catalog(url), notes(url)) == before


def notes(url: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute("select * from public.notes order by id").fetchall()


def test_an_entry_that_accepts_nothing_any_more_is_stale(agreed: Path) -> None:
    with (agreed / "supabase" / "rls.toml").open("a") as toml:
        toml.write('[[unnoticed]]\nmutant = "table public.gone: *"\nreason = "It is gone."\n')
    told = run(agreed, "mutate")
    assert told.returncode == 1
    assert 'stale  no unnoticed mutant is left that "table public.gone: *" accepts' in told.stdout


def test_a_command_notices_by_failing_and_its_record_says_what(project: Path) -> None:
    told = run(project, "mutate", "--report", "r.jsonl", "--", "sh", "looks.sh")
    assert told.returncode == 0, told.stderr
    header, *lines, end = map(json.loads, (project / "r.jsonl").read_text().splitlines())
    assert (header["version"], end) == (1, {"finished": True})
    results = {line["mutant"]: line["result"] for line in lines}
    policy = 'policy "people read what is theirs" on public.notes'
    assert results[f"{policy}: is gone"] == "killed"
    assert results["table public.notes: has no row security"] == "killed"
    assert results["grants on public.notes: anon may delete"] == "survived"
    assert "grants on public.notes: anon may delete" in told.stdout


def test_a_command_is_asked_only_what_the_contract_did_not_notice(agreed: Path) -> None:
    command = ("--report", "r.jsonl", "--", "sh", "looks.sh")
    assert run(agreed, "mutate", "--against", "contract", *command).returncode == 0
    _, *lines, _ = map(json.loads, (agreed / "r.jsonl").read_text().splitlines())
    assert {line["result"] for line in lines} == {"survived"}
    assert len(lines) < 5


def test_a_command_is_not_asked_what_nothing_need_notice(agreed: Path) -> None:
    with (agreed / "supabase" / "rls.toml").open("a") as toml:
        toml.write('[[unnoticed]]\nmutant = "*"\nreason = "Nobody minds."\n')
    command = ("--report", "r.jsonl", "--", "sh", "looks.sh")
    told = run(agreed, "mutate", "--against", "contract", *command)
    assert "Nobody minds." in told.stdout
    assert len((agreed / "r.jsonl").read_text().splitlines()) == 2


def test_what_the_contract_leaves_to_a_command_is_not_accepted_from_the_command(
    agreed: Path,
) -> None:
    with (agreed / "supabase" / "rls.toml").open("a") as toml:
        toml.write('[[unnoticed]]\nmutant = "*"\nagainst = "contract"\nreason = "looks.sh does."\n')
    alone = run(agreed, "mutate", "--fail-under", "100")
    assert (alone.returncode, "left to a command" in alone.stdout) == (0, True)
    command = ("--fail-under", "100", "--", "sh", "looks.sh")
    asked = run(agreed, "mutate", "--against", "contract", *command)
    assert asked.returncode == 1
    assert "not noticed  policy" in asked.stdout


def test_a_command_that_fails_with_nothing_broken_tells_nothing(project: Path) -> None:
    told = run(project, "mutate", "--", sys.executable, "-c", "raise SystemExit('no such table')")
    assert (told.returncode, told.stdout) == (2, "")
    assert "fails with nothing broken (status 1)" in told.stderr
    assert "no such table" in told.stderr


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_what_runs_and_the_next_run_goes_on_from_there(
    project: Path, stop: signal.Signals
) -> None:
    record = project / "supabase" / ".temp" / "rls-mutants.jsonl"
    mark = project / "running"
    program = (
        f"import os, pathlib, time; mark = pathlib.Path({str(mark)!r}) / str(os.getpid()); "
        "mark.parent.mkdir(exist_ok=True); mark.touch(); time.sleep(0.3); mark.unlink()"
    )
    command = [EPHRAIM_DB, "rls", "mutate", "--jobs", "2", "--", sys.executable, "-c", program]
    with subprocess.Popen(
        command, cwd=project, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        waited = time.monotonic() + 120
        while not record.exists() or len(record.read_text().splitlines()) < 5:
            assert time.monotonic() < waited
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(stop)
        _, told = process.communicate(timeout=60)
    assert process.returncode == 130, told
    assert "interrupted: the same command goes on from" in told
    for left in mark.iterdir():
        with pytest.raises(ProcessLookupError):
            os.kill(int(left.name), 0)
    known = len(record.read_text().splitlines()) - 1
    again = subprocess.Popen(
        command, cwd=project, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    with again as process:
        assert process.stderr is not None
        lines = iter(process.stderr.readline, "")
        going_on = next(line for line in lines if "going on after" in line)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert f"going on after {known} of " in going_on
