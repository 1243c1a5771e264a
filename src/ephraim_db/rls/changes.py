"""The probes that change a column: to values seen elsewhere, of one row of each kind at a time.

First all that tell nothing of whose a row is, together, to what they are in another row; then each
by itself, unless that has answered for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from psycopg.sql import Literal

from ephraim_db.rls.catalog import Column, quote
from ephraim_db.rls.ownership import Ownership, Whose
from ephraim_db.rls.personas import Persona
from ephraim_db.rls.probes import Probe, Question
from ephraim_db.rls.rows import Rows

TRIED_VALUES = 3
TRIED_TOGETHER = 2
WORDS = {
    Whose.OWN: "its own",
    Whose.ORGANIZATION: "its organization's",
    Whose.OTHER: "another's",
}
"""Whose row the value was taken from."""


@dataclass(frozen=True)
class Changes:
    """What one persona tries to change in one table, whose rows `match` finds again as `v`."""

    persona: Persona
    rows: Rows
    ownership: Ownership
    match: str

    def probes(
        self, columns: Sequence[Column], kinds: Mapping[str, Sequence[Whose]]
    ) -> Iterator[Probe]:
        """Yield the changes of each column to rows of its `kinds`."""
        telling = self.ownership.telling_columns(self.rows.relation)
        for whose in Whose:
            asked = [c for c in columns if whose in kinds[c.name]]
            plain = [c for c in asked if c.name not in telling and not c.is_unique]
            if len(plain) > 1:
                yield from self._together(plain, whose)
            for column in asked:
                yield from self._alone(column, whose)

    def _together(self, columns: Sequence[Column], whose: Whose) -> Iterator[Probe]:
        n = self.rows.examples(self.persona, whose)[0]
        for other in self.rows.most_unlike(self.persona, n, columns)[:TRIED_TOGETHER]:
            values = {
                column: f"(w.image).{quote(column.name)}"
                for column in columns
                if self.rows.differ(column, n, other)
            }
            if len(values) > 1:
                yield self._change(values, whose, n, f", {self.rows.table} as w", f"w.n = {other}")

    def _alone(self, column: Column, whose: Whose) -> Iterator[Probe]:
        for n in self.rows.examples(self.persona, whose, column.name):
            for value, source, condition, words in self._other_values(column, n):
                probe = self._change({column: value}, whose, n, source, condition)
                transition = Question("UPDATE TO", "changed", column.name, whose, words)
                yield replace(probe, questions=(*probe.questions, transition)) if words else probe

    @cached_property
    def _telling(self) -> frozenset[str]:
        """Return the columns whose values say whose the row is then."""
        relation = self.rows.relation
        organizations = self.ownership.organization_columns(relation)
        owners = self.ownership.owner_columns(relation)
        return frozenset((*organizations, *owners)) - set(relation.primary_key)

    def _change(
        self, values: Mapping[Column, str], whose: Whose, n: int, source: str, condition: str
    ) -> Probe:
        settings = ", ".join(f"{quote(column.name)} = {value}" for column, value in values.items())
        return Probe(
            tuple(Question("UPDATE", "changed", column.name, whose) for column in values),
            f"update {self.rows.relation.sql} as r set {settings} "
            f"from {self.rows.table} as v{source} where v.n = {n} and {self.match} "
            f"and {condition}",
            self._took(values, n),
            until="passed" if len(values) > 1 else "settled",
            joint=len(values) > 1,
        )

    def _took(self, columns: Mapping[Column, str], n: int) -> str:
        """Return the witness that row n has other values in `columns` now."""
        relation = self.rows.relation
        key = relation.primary_key
        if not key or any(column.name in key for column in columns):
            return gone(self.rows)
        match = " and ".join(f"r.{quote(k)} = (v.image).{quote(k)}" for k in key)
        others = " and ".join(
            f"r.{quote(c.name)}::text is distinct from (v.image).{quote(c.name)}::text"
            for c in columns
        )
        return (
            f"select array_agg(v.n) from {self.rows.table} as v "
            f"inner join {relation.sql} as r on {match} where v.n = {n} and {others}"
        )

    def _other_values(self, column: Column, n: int) -> Iterator[tuple[str, str, str, str]]:
        """Yield values for a column of row n: SQL, its source, the condition, the value in words.

        In words are those that mean something by themselves: labels, flags, and whose it is then.
        """
        old = f"(v.image).{quote(column.name)}"
        labels = ("true", "false") if column.is_boolean else column.labels
        for label in labels:
            value = f"{Literal(label).as_string(None)}::{column.type}"
            yield value, "", f"{old} is distinct from {value}", label
        if not labels:
            yield from self._values_of_others(column, n)
        if not column.required:
            yield "null", "", f"{old} is not null", ""

    def _values_of_others(self, column: Column, n: int) -> Iterator[tuple[str, str, str, str]]:
        whose = self.rows.whose[self.persona.name]
        tells = column.name in self._telling
        for other in self.rows.with_other_value(self.persona, column, n)[:TRIED_VALUES]:
            value, source = f"(w.image).{quote(column.name)}", f", {self.rows.table} as w"
            yield value, source, f"w.n = {other}", WORDS[whose[other - 1]] if tells else ""


def gone(rows: Rows) -> str:
    """Return the witness of the rows that are no longer where they lay."""
    return (
        f"select array_agg(v.n) from {rows.table} as v where not exists ("
        f"select from {rows.relation.sql} as r where r.tableoid = v.part and r.ctid = v.place)"
    )
