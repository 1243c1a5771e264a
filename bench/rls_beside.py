"""Our check beside pgTAP with the same cells, and beside rlsautotest's report, on one Postgres.

schema --accept--> contract --+--> ephraim-db rls check
       --observe--> matrix ---+--> pg_prove: everything, per column, per cell
                              +--> rlsautotest --report
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import psycopg

from bench.attempts import Author, per_cell, per_column
from bench.pgtap import Assertion, assertions, prove, write_files
from bench.projects import generate, personas, write_personas
from bench.results import Measured, in_turns
from ephraim_db.migrations import apply_migrations, apply_seed, find_migrations
from ephraim_db.postgres import Server, create_database, start_postgres
from ephraim_db.rls import Personas, build_matrix, read_personas
from ephraim_db.rls.observing import observing

BIN = Path(sys.executable).parent


@dataclass(frozen=True, slots=True)
class Subject:
    """A database that everybody looks at. `holes`: what was planted, if that is known."""

    name: str
    database: str
    folder: Path
    holes: Mapping[str, str] | None = None


def beside(project: Path, tables: int, rounds: int) -> Iterator[Measured]:
    """Yield the comparisons, of this project and of a generated one with so many tables."""
    with start_postgres("system") as server, tempfile.TemporaryDirectory() as place:
        create_database(server, "ours")
        create_database(server, "generated")
        if missing := _missing(server):
            print(f"  left out, for want of {missing}: pgTAP and rlsautotest", file=sys.stderr)
            return
        ours = Subject("this project", "ours", Path(place) / "ours")
        with psycopg.connect(server.url("ours", "postgres"), autocommit=True) as owner:
            apply_migrations(owner, find_migrations(project))
            apply_seed(owner, project)
        shutil.copytree(project / "supabase", ours.folder / "supabase")
        made = generate(tables, some_empty=False)
        name = f"{tables} generated tables"
        generated = Subject(name, "generated", Path(place) / "generated", made.holes)
        with psycopg.connect(server.url("generated", "postgres"), autocommit=True) as owner:
            owner.execute(made.sql.encode())
        write_personas(generated.folder, personas())
        for subject in (ours, generated):
            yield from _compared(server, subject, rounds)


FORMS = ("everything", "per column", "per cell")
JOBS = 2


def _compared(server: Server, subject: Subject, rounds: int) -> Iterator[Measured]:
    told = read_personas(subject.folder / "supabase" / "rls.toml")
    written = _written(server, subject, told)
    files = [write_files(subject.folder / form.replace(" ", "_"), written[form]) for form in FORMS]
    report, found = subject.folder / "theirs.json", subject.folder / "ours.json"
    probes = 0

    def observe() -> None:
        nonlocal probes
        probes = _observed(server, subject, told)

    _ours(server, subject, "accept")
    check, alone, at_once, *proving = (
        min(taken)
        for taken in in_turns(
            rounds,
            lambda: _ours(server, subject, "check"),
            observe,
            partial(prove, server, subject.database, files[0], JOBS),
            *(partial(prove, server, subject.database, those) for those in files),
        )
    )
    for form, taken in zip(FORMS, proving, strict=True):
        name, n = f"{subject.name}, pgTAP {form}", len(written[form])
        yield Measured(f"{name}: all", check, taken, "s", n, server.version)
        yield Measured(
            f"{name}: per assertion", check / n * 1000, taken / n * 1000, "ms", n, server.version
        )
    n = len(written["everything"])
    name = f"{subject.name}, pgTAP everything with --jobs {JOBS}: all"
    yield Measured(name, check, at_once, "s", n, server.version)
    name = f"{subject.name}, without starting a program"
    yield Measured(f"{name}: all, beside pg_prove", alone, proving[0], "s", n, server.version)
    yield Measured(
        f"{name}: our probes beside pgTAP's assertions",
        probes / alone,
        n / proving[0],
        "a second",
        probes,
        server.version,
        more_is_better=True,
    )

    check, theirs = (
        min(taken)
        for taken in in_turns(
            max(1, rounds - 1),
            lambda: _ours(server, subject, "matrix", "--write", str(found)),
            lambda: _rlsautotest(server, subject, report),
        )
    )
    name, n = f"{subject.name}, rlsautotest", len(written["per cell"])
    yield Measured(f"{name}: report", check, theirs, "s", n, server.version)
    if subject.holes:
        ours, others = (
            _named(json.loads(found.read_text())),
            _theirs(json.loads(report.read_text())),
        )
        holes = set(subject.holes)
        yield Measured(
            f"{name}: planted holes found",
            len(ours & holes),
            len(others & holes),
            "holes",
            len(holes),
            server.version,
            more_is_better=True,
        )
        for hole in sorted(set(subject.holes.values())):
            those = {where for where, kind in subject.holes.items() if kind == hole}
            yield Measured(
                f"{name}: planted holes found, {hole}",
                len(ours & those),
                len(others & those),
                "holes",
                len(those),
                server.version,
                more_is_better=True,
            )
        yield Measured(
            f"{name}: false alarms",
            len(ours - holes),
            len(others - holes),
            "relations",
            len(holes),
            server.version,
        )


def _written(server: Server, subject: Subject, told: Personas) -> dict[str, list[Assertion]]:
    """Return the assertions of each form."""
    with (
        psycopg.connect(server.url(subject.database), autocommit=True) as superuser,
        psycopg.connect(server.url(subject.database, "postgres"), autocommit=True) as owner,
    ):
        superuser.execute("create extension if not exists pgtap with schema extensions")
        with observing(owner, told) as observation:
            matrix = build_matrix(told.everyone, observation.observed, observation.uses)
        author = Author(superuser, observation)
        attempts = {
            "everything": author.everything(matrix),
            "per column": author.of_cells(per_column(matrix)),
            "per cell": author.of_cells(per_cell(matrix)),
        }
        return {form: assertions(superuser, those) for form, those in attempts.items()}


def _observed(server: Server, subject: Subject, told: Personas) -> int:
    """Observe in this process; return how many probes were run."""
    with (
        psycopg.connect(server.url(subject.database, "postgres"), autocommit=True) as owner,
        observing(owner, told, filling=True) as observation,
    ):
        build_matrix(told.everyone, observation.observed, observation.uses)
    answers = (answer for one in observation.observed for answer in one.answers)
    return len({id(answer.probe) for answer in answers})


def _ours(server: Server, subject: Subject, command: str, *options: str) -> None:
    url = server.url(subject.database, "postgres")
    _run(
        [
            BIN / "ephraim-db",
            "rls",
            command,
            "--project",
            subject.folder,
            "--database-url",
            url,
            *options,
        ]
    )


def _rlsautotest(server: Server, subject: Subject, report: Path) -> None:
    url = server.url(subject.database)
    program = BIN / "rlsautotest"
    _run([program, "--db-url", url, "--schema", "public", "--report", "--no-fail",
          "--report-json", report])  # fmt: skip


def _run(command: Sequence[str | Path]) -> None:
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode:
        said = ran.stdout[-2000:] + ran.stderr[-2000:]
        raise RuntimeError(f"{command[0]} ended in {ran.returncode}:\n{said}")


def _missing(server: Server) -> str:
    with psycopg.connect(server.url()) as connection:
        there = connection.execute(
            "select from pg_available_extensions where name = 'pgtap'"
        ).fetchone()
    wanted = {"pgTAP": there is not None, "pg_prove": shutil.which("pg_prove") is not None}
    wanted["rlsautotest"] = (BIN / "rlsautotest").exists()
    return ", ".join(name for name, is_there in wanted.items() if not is_there)


def _named(document: dict[str, Any]) -> set[str]:
    """Return what our report names as worse than a note."""
    return {
        _bare(finding["relation"])
        for finding in document["findings"]
        if finding["severity"] != "info"
    }


def _theirs(document: dict[str, Any]) -> set[str]:
    """Return what rlsautotest's report names: exposed, leaking, to review, or a way around."""
    tables = {
        one["table"]
        for one in document["tables"]
        if one.get("exposed")
        or one.get("transition_leaks")
        or one.get("leak_cells")
        or any("(review)" in note for note in one.get("footguns", ()))
    }
    around = {
        _bare(one["object"])
        for one in document["bypass_surfaces"]
        if one["type"] in ("view", "function") and one["severity"] in ("CRITICAL", "HIGH")
    }
    return tables | around


def _bare(name: str) -> str:
    return name.partition("(")[0].rpartition(".")[2]
