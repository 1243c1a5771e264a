"""Attempts as pgTAP asserts them: a file for each relation, run by pg_prove.

Attempts --tried once, outcome noted--> Assertions --written--> *.sql, one each
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from bench.attempts import Attempt
from ephraim_db.postgres import Server
from ephraim_db.rls import Persona

TOUCHED = """create function pg_temp.touched(statement text) returns bigint language plpgsql as $$
declare n bigint;
begin
    execute statement;
    get diagnostics n = row_count;
    raise exception using errcode = 'TAP00';
exception when sqlstate 'TAP00' then return n;
end $$;
"""
"""Runs a statement and takes it back; returns how many rows it touched."""


@dataclass(frozen=True, slots=True)
class Assertion:
    """What an attempt should do: touch so many rows, or fail so."""

    attempt: Attempt
    expected: int | str


def assertions(superuser: psycopg.Connection[Any], attempts: Iterable[Attempt]) -> list[Assertion]:
    """Try each attempt once; return what should come of it when tried again."""
    found: list[Assertion] = []
    with superuser.transaction(force_rollback=True):
        superuser.execute(TOUCHED)
        for attempt in attempts:
            found.append(Assertion(attempt, _try(superuser, attempt.persona, attempt.sql)))
    return found


def write_files(folder: Path, wanted: Iterable[Assertion]) -> list[Path]:
    """Write a file for each relation."""
    by_relation: dict[str, list[Assertion]] = {}
    for assertion in wanted:
        by_relation.setdefault(assertion.attempt.relation, []).append(assertion)
    folder.mkdir(parents=True)
    files = []
    for number, those in enumerate(by_relation.values()):
        file = folder / f"{number:03}.sql"
        file.write_text("\n".join(_lines(those)), "utf-8")
        files.append(file)
    return files


def prove(server: Server, database: str, files: Sequence[Path], jobs: int = 1) -> None:
    """Run pg_prove on them, `jobs` at a time. Raises if an assertion fails."""
    address = ["-h", server.host, "-p", str(server.port), "-U", server.user, "-d", database]
    ran = subprocess.run(
        ["pg_prove", "--jobs", str(jobs), *address, *files],
        env={**os.environ, "PGPASSWORD": server.password},
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode or "Result: PASS" not in ran.stdout:
        raise RuntimeError(f"pg_prove failed:\n{ran.stdout[-2000:]}{ran.stderr[-2000:]}")


def _try(superuser: psycopg.Connection[Any], persona: Persona, sql: str) -> int | str:
    try:
        with superuser.transaction():
            superuser.execute(_acting(persona).encode())
            row = superuser.execute("select pg_temp.touched(%s)", [sql]).fetchone()
            assert row is not None
            superuser.execute("reset role")
            return int(row[0])
    except psycopg.Error as error:
        return error.sqlstate or "XX000"


def _lines(those: Sequence[Assertion]) -> Iterator[str]:
    yield "begin;\nset local search_path = public, extensions;"
    for role in {one.attempt.persona.role for one in those}:
        yield f'grant usage on schema extensions to "{role}";'
    yield TOUCHED
    yield f"select plan({len(those)});"
    acting = None
    for one in those:
        if one.attempt.persona is not acting:
            acting = one.attempt.persona
            yield f"reset role;\n{_acting(acting)}"
        sql, name = f"$q${one.attempt.sql}$q$", f"$n${one.attempt.name}$n$"
        call = (
            f"is(pg_temp.touched({sql}), {one.expected}::bigint, {name})"
            if isinstance(one.expected, int)
            else f"throws_ok({sql}, '{one.expected}', null, {name})"
        )
        yield f"select {call};"
    yield "reset role;\nselect * from finish();\nrollback;\n"


def _acting(persona: Persona) -> str:
    claims = persona.jwt_claims.replace("'", "''")
    return f"set local request.jwt.claims = '{claims}'; set local role \"{persona.role}\";"
