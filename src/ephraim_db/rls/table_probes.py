"""The probes for a table, whose rows are known again by where they lie."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from psycopg.sql import Literal

from ephraim_db.rls.catalog import Column, Privileges, Relation, quote
from ephraim_db.rls.ownership import Ownership, Whose
from ephraim_db.rls.personas import Persona
from ephraim_db.rls.probes import Answer, Probe, Question
from ephraim_db.rls.rows import MOST_ROWS, Rows

TRIED_VALUES = 3
FRESH = {
    "uuid": "gen_random_uuid()",
    "text": "gen_random_uuid()::text",
    "character varying": "gen_random_uuid()::text",
    "integer": "(random() * 2000000000)::integer",
    "bigint": "(random() * 9000000000000000)::bigint",
}
"""A value of its own for each row, where one value for all would only meet a unique constraint."""


@dataclass(frozen=True, slots=True)
class TableProbes:
    """What one persona attempts on one table. `bonds` is the SQL that unties what points at it."""

    persona: Persona
    rows: Rows
    privileges: Privileges
    ownership: Ownership
    bonds: str

    def first_round(self) -> Iterator[Probe]:
        """Yield the probes that depend on nothing but the catalog and the rows there are."""
        yield from reads(self.rows, self.privileges)
        match = self._match()
        if match:
            yield Probe(
                Question("SELECT", "rows"),
                f"select array_agg(v.n) from {self._sql} as r "  # noqa: S608
                f"inner join {self.rows.table} as v on {match}",
            )
        yield from replays(self.persona, self.rows, self.privileges, self.ownership)
        for column in self.rows.relation.columns:
            if column.written:
                yield from self._updates(column)
        yield self._write(Question("DELETE", "blind"), f"delete from {self._sql}")  # noqa: S608

    def second_round(self, answers: Iterable[Answer]) -> Iterator[Probe]:
        """Yield the probes that tell apart whose rows may be changed and removed."""
        firsts = list(answers)
        match = self._match()
        if not match:
            return
        for column in self.rows.relation.columns:
            mine = [a for a in firsts if a.question.column == column.name]
            updates = [a for a in mine if a.question.command == "UPDATE"]
            if column.name in self.privileges.update:
                for whose in self._worth_asking(updates):
                    yield from self._changes(column, whose, match)
        deletes = [a for a in firsts if a.question.command == "DELETE"]
        if self.privileges.delete and any(a.sqlstate for a in deletes):
            if self.bonds and any(a.constrained for a in deletes):
                yield Probe(
                    Question("DELETE", "unbound"),
                    f"delete from {self._sql}",  # noqa: S608
                    self._gone,
                    self.bonds,
                )
            for whose in self._worth_asking(deletes):
                for n in self.rows.examples(self.persona, whose):
                    yield self._write(
                        Question("DELETE", "addressed", whose=whose),
                        f"delete from {self._sql} as r using {self.rows.table} as v "  # noqa: S608
                        f"where v.n = {n} and {match}",
                    )

    @property
    def _sql(self) -> str:
        return self.rows.relation.sql

    def _match(self) -> str | None:
        """Return how to find the row of copy `v`, reading only what the persona may read."""
        relation, readable = self.rows.relation, self.privileges.select
        if relation.primary_key and readable.issuperset(relation.primary_key):
            keys = relation.primary_key
            return " and ".join(f"r.{quote(k)} = (v.image).{quote(k)}" for k in keys)
        if self.privileges.whole_row:
            return "r.ctid = v.place and r.tableoid = v.part"
        names = [quote(c) for c in relation.column_names if c in readable]
        same = (f"r.{name}::text is not distinct from (v.image).{name}::text" for name in names)
        return " and ".join(same) or None

    @property
    def _gone(self) -> str:
        """Return the witness of the rows that are no longer where they lay."""
        return (
            f"select array_agg(v.n) from {self.rows.table} as v where not exists ("  # noqa: S608
            f"select from {self._sql} as r where r.tableoid = v.part and r.ctid = v.place)"
        )

    def _write(self, question: Question, sql: str) -> Probe:
        return Probe(question, sql, self._gone)

    def _took(self, column: Column, n: int) -> str:
        """Return the witness that row n has another value in `column` now."""
        key, name = self.rows.relation.primary_key, quote(column.name)
        if not key or column.name in key:
            return self._gone
        match = " and ".join(f"r.{quote(k)} = (v.image).{quote(k)}" for k in key)
        return (
            f"select array_agg(v.n) from {self.rows.table} as v "  # noqa: S608
            f"inner join {self._sql} as r on {match} "
            f"where v.n = {n} and r.{name}::text is distinct from (v.image).{name}::text"
        )

    def _updates(self, column: Column) -> Iterator[Probe]:
        name, match = quote(column.name), self._match()
        value = "null"
        if self.rows.total:
            n = self.rows.examples(self.persona, self.rows.kinds(self.persona)[0])[0]
            value = f"(select (v.image).{name} from {self.rows.table} as v where v.n = {n})"  # noqa: S608
        yield self._write(
            Question("UPDATE", "blind", column.name),
            f"update {self._sql} set {name} = {value}",  # noqa: S608
        )
        if column.name not in self.privileges.update:
            return
        if column.type in FRESH:
            yield self._write(
                Question("UPDATE", "blind", column.name),
                f"update {self._sql} set {name} = {FRESH[column.type]}",  # noqa: S608
            )
        if match:
            yield self._write(
                Question("UPDATE", "addressed", column.name),
                f"update {self._sql} as r set {name} = (v.image).{name} "  # noqa: S608
                f"from {self.rows.table} as v where {match}",
            )

    def _changes(self, column: Column, whose: Whose, match: str) -> Iterator[Probe]:
        for n in self.rows.examples(self.persona, whose, column.name):
            for value, is_other in self._other_values(column):
                yield Probe(
                    Question("UPDATE", "changed", column.name, whose),
                    f"update {self._sql} as r set {quote(column.name)} = {value} "  # noqa: S608
                    f"from {self.rows.table} as v where v.n = {n} and {match} and {is_other}",
                    self._took(column, n),
                )

    def _other_values(self, column: Column) -> Iterator[tuple[str, str]]:
        """Yield values to change a column to, each with the condition that it is a change."""
        old = f"(v.image).{quote(column.name)}"
        if column.is_boolean:
            yield f"{old} is not true", "true"
            return
        for label in column.labels:
            value = f"{Literal(label).as_string(None)}::{column.type}"
            yield value, f"{old} is distinct from {value}"
        for offset in range(TRIED_VALUES):
            other = f"(w.image).{quote(column.name)}"
            value = (
                f"(select {other} from {self.rows.table} as w "  # noqa: S608
                f"where {other}::text <> coalesce({old}::text, '') "
                f"order by w.n limit 1 offset {offset})"
            )
            yield value, f"{value} is not null"
        if not column.required:
            yield "null", f"{old} is not null"

    def _worth_asking(self, answers: list[Answer]) -> tuple[Whose, ...]:
        if any(answer.sqlstate for answer in answers):
            return self.rows.kinds(self.persona)
        whose = self.rows.whose[self.persona.name]
        return tuple(sorted({whose[n - 1] for a in answers for n in a.numbers}))


def reads(rows: Rows, privileges: Privileges) -> Iterator[Probe]:
    """Yield one SELECT for each column."""
    for name in rows.relation.column_names:
        yield Probe(
            Question("SELECT", "read", name),
            f"select array[count(q.c)]::integer[] from "  # noqa: S608
            f"(select r.{quote(name)} as c from {rows.relation.sql} as r limit 1) as q",
        )


def replays(
    persona: Persona, rows: Rows, privileges: Privileges, ownership: Ownership
) -> Iterator[Probe]:
    """Yield INSERTs of rows that exist: a duplicate key then says that every policy let it pass.

    Where one succeeds, the witness tells whose the new row is: a default or trigger may decide.
    """
    relation = rows.relation
    granted = tuple(c for c in relation.columns if c.written and c.name in privileges.insert)
    if not granted or not rows.total:
        sql = f"insert into {relation.sql} default values"
        yield Probe(Question("INSERT", "replay"), sql, "select null::integer[]")
        return
    witness = "select null::integer[]"
    if relation.has_places and rows.total <= MOST_ROWS:
        witness = (
            f"select array_agg({ownership.class_of_row(relation, persona)}) "  # noqa: S608
            f"from {relation.sql} as r where not exists (select from {rows.table} as v "
            "where r.tableoid = v.part and r.ctid = v.place)"
        )
    for whose in rows.kinds(persona):
        for n in rows.examples(persona, whose):
            for columns in _column_choices(relation, granted, ownership):
                names = ", ".join(quote(c.name) for c in columns)
                values = ", ".join(f"(v.image).{quote(c.name)}" for c in columns)
                yield Probe(
                    Question("INSERT", "replay", whose=whose),
                    f"insert into {relation.sql} ({names}) "  # noqa: S608
                    f"select {values} from {rows.table} as v where v.n = {n}",
                    witness,
                )


def _column_choices(
    relation: Relation, granted: tuple[Column, ...], ownership: Ownership
) -> tuple[tuple[Column, ...], ...]:
    """Return which columns to name: with a key of its own, verbatim, and as few as possible."""
    telling = ownership.telling_columns(relation)
    keyless = tuple(c for c in granted if c.name not in relation.primary_key or not c.has_default)
    least = tuple(c for c in granted if (c.required and not c.has_default) or c.name in telling)
    return tuple(dict.fromkeys(choice for choice in (keyless, granted, least) if choice))
