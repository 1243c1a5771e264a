"""A matrix as pgTAP asserts it: a file for each relation, run by pg_prove.

Cells --as statements--> tried once, outcome noted --written--> *.sql, an assertion each
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg
from psycopg.sql import SQL, Identifier, Literal

from ephraim_db.postgres import Server
from ephraim_db.rls import Cell, Matrix, Persona

COMMANDS = ("SELECT", "INSERT", "UPDATE", "DELETE")
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
    """A statement of a persona, and what it should do: touch so many rows, or fail so."""

    persona: Persona
    relation: str
    name: str
    sql: str
    expected: int | str


def cells_of(matrix: Matrix) -> list[Cell]:
    """Return what pgTAP is given to assert: the four commands on tables and views."""
    kinds = {subject.name: subject.kind for subject in matrix.relations}
    return [
        cell
        for cell in matrix.cells
        if cell.command in COMMANDS and kinds[cell.relation] not in ("function", "sequence")
    ]


def by_column(cells: Iterable[Cell]) -> Iterator[Cell]:
    """Yield a cell for each column, as the matrix was observed."""
    for cell in cells:
        for column in cell.columns or ("",):
            names = (column,) if column else ()
            yield replace(cell, columns=names)


def assertions(
    superuser: psycopg.Connection[Any], personas: Sequence[Persona], cells: Iterable[Cell]
) -> list[Assertion]:
    """Try each cell with one statement; return what should come of it when tried again."""
    named = {persona.name: persona for persona in personas}
    found: list[Assertion] = []
    writer = _Writer(superuser)
    with superuser.transaction(force_rollback=True):
        superuser.execute(TOUCHED)
        for cell in cells:
            persona = named[cell.persona]
            sql = writer.statement(cell, persona)
            outcome = _try(superuser, persona, sql)
            name = " ".join((cell.persona, cell.command, *cell.columns))
            found.append(Assertion(persona, cell.relation, name, sql, outcome))
    return found


def write_files(folder: Path, wanted: Iterable[Assertion]) -> list[Path]:
    """Write a file for each relation."""
    by_relation: dict[str, list[Assertion]] = {}
    for assertion in wanted:
        by_relation.setdefault(assertion.relation, []).append(assertion)
    folder.mkdir(parents=True)
    files = []
    for number, those in enumerate(by_relation.values()):
        file = folder / f"{number:03}.sql"
        file.write_text("\n".join(_lines(those)), "utf-8")
        files.append(file)
    return files


def prove(server: Server, database: str, files: Sequence[Path]) -> None:
    """Run pg_prove on them. Raises if an assertion fails."""
    address = ["-h", server.host, "-p", str(server.port), "-U", server.user, "-d", database]
    ran = subprocess.run(
        ["pg_prove", *address, *files],
        env={**os.environ, "PGPASSWORD": server.password},
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode or "Result: PASS" not in ran.stdout:
        raise RuntimeError(f"pg_prove failed:\n{ran.stdout[-2000:]}{ran.stderr[-2000:]}")


class _Writer:
    """Writes statements with values that are in the database."""

    def __init__(self, superuser: psycopg.Connection[Any]) -> None:
        self._superuser = superuser
        self._required: dict[str, list[str]] = {}
        self._rows: dict[tuple[str, str], dict[str, str | None]] = {}

    def statement(self, cell: Cell, persona: Persona) -> str:
        relation = _quoted(cell.relation)
        columns = [f'"{column}"' for column in cell.columns]
        match cell.command:
            case "SELECT":
                return f"select {', '.join(columns)} from {relation}"
            case "DELETE":
                return f"delete from {relation}"
        row = self._row(cell.relation, persona)
        if cell.command == "UPDATE":
            pairs = (f'"{c}" = {row.get(c, "default")}' for c in cell.columns)
            return f"update {relation} set {', '.join(pairs)}"
        names = list(dict.fromkeys((*self._needed(cell.relation), *cell.columns)))
        values = ", ".join(row.get(name) or "default" for name in names)
        into = ", ".join(f'"{name}"' for name in names)
        return f"insert into {relation} ({into}) values ({values})"

    def _row(self, relation: str, persona: Persona) -> dict[str, str | None]:
        """Return literals of a row, one that is the persona's if there is one."""
        key = relation, persona.name
        if key not in self._rows:
            like = [f"%{value}%" if value else "" for value in (persona.sub, persona.organization)]
            query = SQL(
                "select (select jsonb_object_agg(key, quote_nullable(value)) from "
                "jsonb_each_text(to_jsonb(t))) from {} as t "
                "order by t::text like {} desc, t::text like {} desc limit 1"
            ).format(Identifier(*relation.split(".", 1)), Literal(like[0]), Literal(like[1]))
            found = self._superuser.execute(query).fetchone()
            self._rows[key] = found[0] if found else {}
        return self._rows[key]

    def _needed(self, relation: str) -> list[str]:
        if relation not in self._required:
            rows = self._superuser.execute(
                "select attname from pg_attribute where attrelid = %s::regclass and attnum > 0 "
                "and attnotnull and not atthasdef and attidentity = '' and not attisdropped",
                [_quoted(relation)],
            )
            self._required[relation] = [name for (name,) in rows]
        return self._required[relation]


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
    for role in {one.persona.role for one in those}:
        yield f'grant usage on schema extensions to "{role}";'
    yield TOUCHED
    yield f"select plan({len(those)});"
    acting = None
    for one in those:
        if one.persona is not acting:
            acting = one.persona
            yield f"reset role;\n{_acting(acting)}"
        call = (
            f"is(pg_temp.touched($q${one.sql}$q$), {one.expected}::bigint, $n${one.name}$n$)"
            if isinstance(one.expected, int)
            else f"throws_ok($q${one.sql}$q$, '{one.expected}', null, $n${one.name}$n$)"
        )
        yield f"select {call};"
    yield "reset role;\nselect * from finish();\nrollback;\n"


def _acting(persona: Persona) -> str:
    claims = persona.jwt_claims.replace("'", "''")
    return f"set local request.jwt.claims = '{claims}'; set local role \"{persona.role}\";"


def _quoted(relation: str) -> str:
    return ".".join(f'"{part}"' for part in relation.split(".", 1))
