"""The probes for a table, whose rows are known again by where they lie."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from psycopg.sql import Literal

from ephraim_db.rls.catalog import Column, Privileges, quote
from ephraim_db.rls.ownership import Ownership, Whose
from ephraim_db.rls.personas import Persona
from ephraim_db.rls.probes import Answer, Probe, Question
from ephraim_db.rls.relation_probes import reads, reads_again, replays
from ephraim_db.rls.rows import Rows

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
        yield from reads_again(self.rows, self.privileges, firsts)
        updates = [a for a in firsts if a.question.command == "UPDATE"]
        deletes = [a for a in firsts if a.question.command == "DELETE"]
        match = self._match()
        if match:
            yield from self._changes_by_kind(updates, match)
        if self.privileges.delete and any(a.sqlstate for a in deletes):
            yield from self._deletes_by_kind(deletes, match)

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

    def _changes_by_kind(self, updates: list[Answer], match: str) -> Iterator[Probe]:
        reachable = self._reachable(updates)
        for column in self.rows.relation.columns:
            if column.name in self.privileges.update:
                mine = [a for a in updates if a.question.column == column.name]
                for whose in self._worth_asking(mine):
                    if whose in reachable:
                        yield from self._changes(column, whose, match)

    def _deletes_by_kind(self, deletes: list[Answer], match: str | None) -> Iterator[Probe]:
        everything = f"delete from {self._sql}"  # noqa: S608
        if self.bonds and any(a.constrained for a in deletes):
            yield Probe(Question("DELETE", "unbound"), everything, self._gone, self.bonds)
        for whose in self._worth_asking(deletes) if match else ():
            for n in self.rows.examples(self.persona, whose):
                yield self._write(
                    Question("DELETE", "addressed", whose=whose),
                    f"{everything} as r using {self.rows.table} as v where v.n = {n} and {match}",
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

    def _reachable(self, updates: list[Answer]) -> set[Whose]:
        """Return the kinds of rows an UPDATE can reach: the same whatever column it is of."""
        whose = self.rows.whose[self.persona.name]
        if any(a.question.form == "blind" and not a.sqlstate for a in updates):
            return {whose[n - 1] for a in updates for n in a.numbers}
        return set(whose)

    def _worth_asking(self, answers: list[Answer]) -> tuple[Whose, ...]:
        if any(answer.sqlstate for answer in answers):
            return self.rows.kinds(self.persona)
        whose = self.rows.whose[self.persona.name]
        return tuple(sorted({whose[n - 1] for a in answers for n in a.numbers}))
