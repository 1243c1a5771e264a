"""The probes for views and materialized views, whose rows lie somewhere else.

A row cannot be known again by its place, so the persona itself says whose the rows are that it
sees, and is asked for one kind at a time. That takes the columns that tell, and it must be let read
them; where it is not, or there are none, every row counts as another's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ephraim_db.rls.catalog import Privileges, quote
from ephraim_db.rls.ownership import Ownership
from ephraim_db.rls.personas import Persona
from ephraim_db.rls.probes import Answer, Probe, Question
from ephraim_db.rls.relation_probes import (
    NO_WITNESS,
    adds_nothing,
    reads,
    reads_again,
    refused_reads,
    replays,
)
from ephraim_db.rls.rows import Rows


@dataclass(frozen=True, slots=True)
class ViewProbes:
    """What one persona attempts on one view."""

    persona: Persona
    rows: Rows
    privileges: Privileges
    ownership: Ownership

    def refusals(self) -> Iterator[Probe]:
        """Yield what the role was not granted, and so cannot do whoever it is."""
        relation, granted = self.rows.relation, self.privileges
        yield from refused_reads(relation, granted)
        if "INSERT" in relation.commands and not granted.insert:
            yield adds_nothing(relation)
        for column in relation.columns if "UPDATE" in relation.commands else ():
            if column.name not in granted.update:
                yield Probe(
                    (Question("UPDATE", "blind", column.name),),
                    f"update {relation.sql} set {quote(column.name)} = null",
                    NO_WITNESS,
                )
        if "DELETE" in relation.commands and not granted.delete:
            yield Probe(
                (Question("DELETE", "blind"),),
                f"delete from {relation.sql}",
                NO_WITNESS,
            )

    def truncations(self) -> Iterator[Probe]:
        """Yield nothing: there is nothing of its own to empty."""
        return iter(())

    def first_round(self) -> Iterator[Probe]:
        """Yield the probes of every command; "rows" is answered by kinds, not by numbers."""
        relation, granted = self.rows.relation, self.privileges
        yield from reads(self.rows, granted, self._whose, f"{relation.sql} as r")
        if "INSERT" in relation.commands:
            yield from replays(self.persona, self.rows, granted, self.ownership)
        for column in relation.columns if "UPDATE" in relation.commands else ():
            if column.name in granted.update:
                name = quote(column.name)
                same = f"r.{name}" if column.name in granted.select else "null"
                yield from self._for_each_kind(
                    f"update {relation.sql} as r set {name} = {same}",
                    Question("UPDATE", "addressed", column.name),
                )
        if "DELETE" in relation.commands and granted.delete:
            yield from self._for_each_kind(
                f"delete from {relation.sql} as r",
                Question("DELETE", "addressed"),
            )

    def second_round(self, answers: Iterable[Answer]) -> Iterator[Probe]:
        """Yield one SELECT of each column, if all of them together failed."""
        source = f"{self.rows.relation.sql} as r"
        yield from reads_again(self.rows, self.privileges, answers, self._whose, source)

    @property
    def _whose(self) -> str:
        relation = self.rows.relation
        if self.ownership.telling_columns(relation) <= self.privileges.select:
            return self.ownership.class_of_row(relation, self.persona)
        return "3"

    def _for_each_kind(self, sql: str, question: Question) -> Iterator[Probe]:
        for kind in self.ownership.kinds(self.rows.relation, self.persona):
            yield Probe(
                (Question(question.command, question.form, question.column, kind),),
                f"{sql} where {self._whose} = {kind:d}",
                NO_WITNESS,
            )
