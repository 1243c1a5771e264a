"""The probes for views, materialized views and foreign tables, whose rows lie somewhere else.

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
from ephraim_db.rls.relation_probes import reads, reads_again, replays
from ephraim_db.rls.rows import Rows

NO_WITNESS = "select null::integer[]"


@dataclass(frozen=True, slots=True)
class ViewProbes:
    """What one persona attempts on one view."""

    persona: Persona
    rows: Rows
    privileges: Privileges
    ownership: Ownership

    def first_round(self) -> Iterator[Probe]:
        """Yield the probes of every command; "rows" is answered by kinds, not by numbers."""
        relation = self.rows.relation
        yield from reads(self.rows, self.privileges)
        yield Probe(
            Question("SELECT", "rows"),
            f"select array_agg({self._whose}) from {relation.sql} as r",  # noqa: S608
        )
        if relation.kind == "foreign":  # what it reaches may not roll back
            return
        if "INSERT" in relation.commands:
            yield from replays(self.persona, self.rows, self.privileges, self.ownership)
        for column in relation.columns if "UPDATE" in relation.commands else ():
            name = quote(column.name)
            same = f"r.{name}" if column.name in self.privileges.select else "null"
            yield from self._for_each_kind(
                f"update {relation.sql} as r set {name} = {same}",  # noqa: S608
                Question("UPDATE", "addressed", column.name),
            )
        if "DELETE" in relation.commands:
            yield from self._for_each_kind(
                f"delete from {relation.sql} as r",  # noqa: S608
                Question("DELETE", "addressed"),
            )

    def second_round(self, answers: Iterable[Answer]) -> Iterator[Probe]:
        """Yield one SELECT of each column, if all of them together failed."""
        yield from reads_again(self.rows, self.privileges, list(answers))

    @property
    def _whose(self) -> str:
        relation = self.rows.relation
        if self.ownership.telling_columns(relation) <= self.privileges.select:
            return self.ownership.class_of_row(relation, self.persona)
        return "3"

    def _for_each_kind(self, sql: str, question: Question) -> Iterator[Probe]:
        for kind in self.ownership.kinds(self.rows.relation, self.persona):
            yield Probe(
                Question(question.command, question.form, question.column, kind),
                f"{sql} where {self._whose} = {kind:d}",
                NO_WITNESS,
            )
