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
Value = tuple[str, tuple[int, ...], str, str, str]
"""SQL for a value, the numbers of the rows, its source, the condition, the value in words."""


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
                yield self._change(values, whose, (n, other), *self._another)

    def _alone(self, column: Column, whose: Whose) -> Iterator[Probe]:
        for n in self.rows.examples(self.persona, whose, column.name):
            for value, numbers, source, condition, words in self._other_values(column, n):
                probe = self._change({column: value}, whose, numbers, source, condition)
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
        self,
        values: Mapping[Column, str],
        whose: Whose,
        numbers: tuple[int, ...],
        source: str,
        condition: str,
    ) -> Probe:
        settings = ", ".join(f"{quote(column.name)} = {value}" for column, value in values.items())
        return Probe(
            tuple(Question("UPDATE", "changed", column.name, whose) for column in values),
            f"update {self.rows.relation.sql} as r set {settings} "
            f"from {self.rows.table} as v{source} where v.n = $1 and {self.match} "
            f"and {condition}",
            self._took(values),
            until="passed" if len(values) > 1 else "settled",
            joint=len(values) > 1,
            numbers=numbers,
        )

    def _took(self, columns: Mapping[Column, str]) -> str:
        """Return the witness that row $1 has other values in `columns` now."""
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
            f"inner join {relation.sql} as r on {match} where v.n = $1 and {others}"
        )

    @property
    def _another(self) -> tuple[str, str]:
        """Return where a value of another row comes from, and the condition that finds row $2."""
        return f", {self.rows.table} as w", "w.n = $2"

    def _other_values(self, column: Column, n: int) -> Iterator[Value]:
        """Yield values for a column of row n.

        In words are those that mean something by themselves: labels, flags, and whose it is then.
        """
        old = f"(v.image).{quote(column.name)}"
        labels = column.all_labels
        for label in labels:
            if not self.rows.is_labelled(column, n, label):
                value = f"{Literal(label).as_string(None)}::{column.type}"
                yield value, (n,), "", f"{old} is distinct from {value}", label
        if not labels:
            yield from self._values_of_others(column, n)
        if not column.required:
            yield "null", (n,), "", f"{old} is not null", ""

    def _values_of_others(self, column: Column, n: int) -> Iterator[Value]:
        whose = self.rows.whose[self.persona.name]
        tells = column.name in self._telling
        for other in self.rows.with_other_value(self.persona, column, n)[:TRIED_VALUES]:
            words = WORDS[whose[other - 1]] if tells else ""
            yield f"(w.image).{quote(column.name)}", (n, other), *self._another, words


def gone(rows: Rows) -> str:
    """Return the witness of the rows that are no longer where they lay."""
    return (
        f"select array_agg(v.n) from {rows.table} as v where not exists ("
        f"select from {rows.relation.sql} as r where r.tableoid = v.part and r.ctid = v.place)"
    )
