"""What a matrix says, as the statements that a careful author would have pgTAP assert.

everything   per column, and of each kind of rows there is: added, changed (each column), removed,
             to each label and into other hands, RETURNING, as upsert, without a WHERE; TRUNCATE,
             functions, sequences
per column   SELECT, INSERT, UPDATE and DELETE, a statement for each column
per cell     the same, columns with the same outcome together
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import psycopg
from psycopg.sql import Literal

from ephraim_db.rls import Cell, Matrix, Persona
from ephraim_db.rls.catalog import Column, Relation, quote
from ephraim_db.rls.observing import Observation, Observed
from ephraim_db.rls.ownership import Whose

PLAIN = ("SELECT", "INSERT", "UPDATE", "DELETE")
OTHERS = "functions and sequences"
"""These share a file."""
Row = dict[str, str | None]
"""A literal for each column."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A statement of a persona; `relation` is what it is about."""

    persona: Persona
    relation: str
    name: str
    sql: str


def per_cell(matrix: Matrix) -> list[Cell]:
    """Return the cells of the four commands on tables and views."""
    kinds = {subject.name: subject.kind for subject in matrix.relations}
    return [
        cell
        for cell in matrix.cells
        if cell.command in PLAIN and kinds[cell.relation] not in ("function", "sequence")
    ]


def per_column(matrix: Matrix) -> Iterator[Cell]:
    """Yield a cell for each column, as the matrix was observed."""
    for cell in per_cell(matrix):
        for column in cell.columns or ("",):
            yield replace(cell, columns=(column,) if column else ())


class Author:
    """Writes statements with values that are in the database."""

    def __init__(self, superuser: psycopg.Connection[Any], observation: Observation) -> None:
        self._superuser = superuser
        self._observation = observation
        self._people = {one.name: one for one in observation.personas.everyone}
        self._relations = {one.relation.full_name: one.relation for one in observation.observed}
        self._rows: dict[tuple[str, str, Whose | None], Row] = {}

    def of_cells(self, cells: Iterable[Cell]) -> Iterator[Attempt]:
        """Yield an attempt for each."""
        for cell in cells:
            persona, relation = self._people[cell.persona], self._relations[cell.relation]
            row = self._row(relation, persona)
            match cell.command:
                case "SELECT":
                    sql = f"select {_list(cell.columns)} from {relation.sql}"
                case "DELETE":
                    sql = f"delete from {relation.sql}"
                case "UPDATE":
                    sql = f"update {relation.sql} set {_set(cell.columns, row)}"
                case _:
                    needed = [c.name for c in relation.columns if c.required and not c.has_default]
                    sql = _insert(relation, list(dict.fromkeys((*needed, *cell.columns))), row)
            yield Attempt(persona, cell.relation, " ".join((cell.command, *cell.columns)), sql)

    def everything(self, matrix: Matrix) -> Iterator[Attempt]:
        """Yield an attempt for whatever was observed."""
        yield from self.of_cells(c for c in per_column(matrix) if c.command != "UPDATE")
        updates = (c for c in per_column(matrix) if c.command == "UPDATE")
        yield from self.of_cells(c for c in updates if c.outcome == "refused_by_grant")
        for one in self._observation.observed:
            for name, sql in self._of_relation(one):
                yield Attempt(one.persona, one.relation.full_name, name, sql)
        for cell in matrix.cells:
            if cell.command in ("EXECUTE", "NEXTVAL", "SETVAL"):
                persona = self._people[cell.persona]
                yield Attempt(persona, OTHERS, f"{cell.command} {cell.relation}", _call(cell))

    def _of_relation(self, one: Observed) -> Iterator[tuple[str, str]]:
        """Yield what `per_column` leaves out."""
        relation, granted = one.relation, one.privileges
        if relation.has_places:
            yield "TRUNCATE", f"truncate {relation.sql}"
        columns = [c for c in relation.columns if c.written]
        updated = [c for c in columns if c.name in granted.update]
        inserted = [c.name for c in columns if c.name in granted.insert]
        if updated:
            row = self._row(relation, one.persona)
            yield "UPDATE all", f"update {relation.sql} set {_set([updated[0].name], row)}"
        for kind in one.rows.kinds(one.persona) if relation.primary_key else ():
            row = self._row(relation, one.persona, kind)
            other = self._row(relation, one.persona, max(one.rows.kinds(one.persona)))
            where = " and ".join(f"{quote(k)} = {row[k]}" for k in relation.primary_key)
            word = kind.name.lower()
            if granted.select:
                yield f"SELECT {word}", f"select 1 from {relation.sql} where {where}"
            if granted.delete:
                yield f"DELETE {word}", f"delete from {relation.sql} where {where}"
            for column in updated:
                for words, value in _values(column, other):
                    sql = f"update {relation.sql} set {quote(column.name)} = {value} where {where}"
                    yield f"UPDATE {column.name}{words} {word}", sql
            if inserted:
                yield from _inserts(relation, inserted, row, word, one)

    def _row(self, relation: Relation, persona: Persona, kind: Whose | None = None) -> Row:
        """Return literals of a row of that kind, or of the narrowest there is."""
        key = relation.full_name, persona.name, kind
        if key not in self._rows:
            whose = self._observation.ownership.class_of_row(relation, persona)
            only = f"where {whose} = {kind:d}" if kind else ""
            found = self._superuser.execute(
                "select (select jsonb_object_agg(key, quote_nullable(value)) "
                f"from jsonb_each_text(to_jsonb(r))) from {relation.sql} as r {only} "
                f"order by {whose} limit 1"
            ).fetchone()
            self._rows[key] = found[0] if found else {}
        return self._rows[key]


def _inserts(
    relation: Relation, names: list[str], row: Row, word: str, one: Observed
) -> Iterator[tuple[str, str]]:
    keyless = [n for n in names if n not in relation.primary_key] or names
    yield f"INSERT {word}", _insert(relation, keyless, row)
    if one.privileges.select:
        read = _list(sorted(one.privileges.select))
        yield f"INSERT RETURNING {word}", f"{_insert(relation, keyless, row)} returning {read}"
    changed = [n for n in names if n in one.privileges.update and n not in relation.primary_key]
    if changed and set(relation.primary_key) <= one.privileges.select.intersection(names):
        changes = ", ".join(f"{quote(n)} = excluded.{quote(n)}" for n in changed)
        conflict = f"on conflict ({_list(relation.primary_key)}) do update set {changes}"
        yield f"UPSERT {word}", f"{_insert(relation, names, row)} {conflict}"


def _values(column: Column, other: Row) -> Iterator[tuple[str, str]]:
    """Yield values to change a column to: each label, or what another row has."""
    for label in ("true", "false") if column.is_boolean else column.labels:
        yield f" to {label}", Literal(label).as_string(None)
    if not column.is_boolean and not column.labels:
        yield "", other.get(column.name) or "default"


def _insert(relation: Relation, names: list[str], row: Row) -> str:
    values = ", ".join(row.get(name) or "default" for name in names)
    return f"insert into {relation.sql} ({_list(names)}) values ({values})"


def _set(columns: Iterable[str], row: Row) -> str:
    return ", ".join(f"{quote(c)} = {row.get(c) or 'default'}" for c in columns)


def _list(columns: Iterable[str]) -> str:
    return ", ".join(map(quote, columns))


def _call(cell: Cell) -> str:
    if cell.command == "EXECUTE":
        name, _, types = cell.relation.removesuffix(")").partition("(")
        nulls = ", ".join(f"null::{one}" for one in types.split(", ") if one)
        return f"select * from {_list(name.split('.', 1)).replace(', ', '.')}({nulls})"
    sequence = f"'{_list(cell.relation.split('.', 1)).replace(', ', '.')}'"
    taken = f"nextval({sequence})"  # what is set stays set
    return f"select {taken}" if cell.command == "NEXTVAL" else f"select setval({sequence}, {taken})"
