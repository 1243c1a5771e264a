"""The probes for a table, whose rows are known again by where they lie."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ephraim_db.rls.catalog import Column, Privileges, Relation, quote
from ephraim_db.rls.changes import Changes, gone
from ephraim_db.rls.ownership import Ownership, Whose, is_one_of
from ephraim_db.rls.personas import Persona
from ephraim_db.rls.probes import Answer, Probe, Question, Until
from ephraim_db.rls.relation_probes import (
    NO_WITNESS,
    adds_nothing,
    reads,
    reads_again,
    refused_reads,
    replays,
)
from ephraim_db.rls.rows import Rows
from ephraim_db.rls.variant_probes import VariantProbes

FRESH = {
    "uuid": "gen_random_uuid()",
    "text": "gen_random_uuid()::text",
    "character varying": "gen_random_uuid()::text",
    "integer": "(random() * 2000000000)::integer",
    "bigint": "(random() * 9000000000000000)::bigint",
}
"""A value of its own for each row, where one value for all would only meet a unique constraint."""
REACH = Question("UPDATE", "blind")
"""Which rows an UPDATE reaches that names none, whatever column it is of."""


@dataclass(frozen=True, slots=True)
class TableProbes:
    """What one persona attempts on one table. `bonds` is the SQL that unties what points at it.

    Without `writes`, it is only read.
    """

    persona: Persona
    rows: Rows
    privileges: Privileges
    ownership: Ownership
    bonds: str
    writes: bool = True

    def refusals(self) -> Iterator[Probe]:
        """Yield what the role was not granted, and so cannot do whoever it is."""
        relation, granted = self.rows.relation, self.privileges
        yield from refused_reads(relation, granted)
        if not self.writes:
            return
        if not any(c.written and c.name in granted.insert for c in relation.columns):
            yield adds_nothing(relation)
        for column in relation.columns:
            if column.written and column.name not in granted.update:
                yield Probe(
                    (Question("UPDATE", "blind", column.name),),
                    f"update {relation.sql} set {quote(column.name)} = null",
                    self._gone,
                )
        if not granted.delete:
            yield self._delete_all

    def truncations(self) -> Iterator[Probe]:
        """Yield a TRUNCATE, which no policy holds; it is stopped just before it would empty it."""
        if self.writes:
            sql = f"truncate {self._sql}, pg_temp.ephraim_stop"
            yield Probe((Question("TRUNCATE", "blind"),), sql, NO_WITNESS)

    def first_round(self) -> Iterator[Probe]:
        """Yield the probes that depend on nothing but the catalog and the rows there are."""
        match = self._match()
        if match:
            yield from reads(self.rows, self.privileges, "v.n", self._matched(match))
        if not self.writes:
            return
        yield from replays(self.persona, self.rows, self.privileges, self.ownership)
        for column in () if self.rows.are_many else self._updated():
            yield from self._blind_updates(column, REACH, "untroubled")
        if match:
            yield from self._addressed_updates(match)
        if self.privileges.delete and not self.rows.are_many:
            yield self._delete_all

    def second_round(self, answers: Iterable[Answer]) -> Iterator[Probe]:
        """Yield the probes that tell apart whose rows may be changed and removed."""
        firsts = list(answers)
        match = self._match()
        if match:
            source = self._matched(match)
            yield from reads_again(self.rows, self.privileges, firsts, "v.n", source)
        if not self.writes:
            return
        yield from self._changes_by_kind(
            [a for a in firsts if a.question.command == "UPDATE"], match
        )
        if match:
            yield from VariantProbes(self.persona, self.rows, self.privileges, match).probes(firsts)
        deletes = [a for a in firsts if a.question.command == "DELETE"]
        undecided = self.rows.are_many or any(a.sqlstate for a in deletes)
        if self.privileges.delete and undecided:
            yield from self._deletes_by_kind(deletes, match)

    @property
    def _sql(self) -> str:
        return self.rows.relation.sql

    def _match(self) -> str | None:
        return match_rows(self.rows.relation, self.privileges)

    def _matched(self, match: str) -> str:
        return f"{self._sql} as r inner join {self.rows.table} as v on {match}"

    @property
    def _gone(self) -> str:
        return gone(self.rows)

    @property
    def _delete_all(self) -> Probe:
        return Probe(
            (Question("DELETE", "blind"),),
            f"delete from {self._sql}",
            self._gone,
            until="unconstrained",
        )

    def _updated(self) -> tuple[Column, ...]:
        """Return the columns that may be updated, those first that tell least."""
        telling = self.ownership.telling_columns(self.rows.relation)
        return tuple(
            sorted(
                (
                    column
                    for column in self.rows.relation.columns
                    if column.written and column.name in self.privileges.update
                ),
                key=lambda c: (c.is_unique, c.name in telling, c.type not in FRESH),
            )
        )

    def _blind_updates(self, column: Column, question: Question, until: Until) -> Iterator[Probe]:
        name = quote(column.name)
        values = ["null"]
        numbers: tuple[int, ...] = ()
        if self.rows.total:
            numbers = (self.rows.examples(self.persona, self.rows.kinds(self.persona)[0])[0],)
            values = [f"(select (v.image).{name} from {self.rows.table} as v where v.n = $1)"]
        if column.type in FRESH:
            values.append(FRESH[column.type])
        for value in values:
            sql = f"update {self._sql} set {name} = {value}"
            yield Probe((question,), sql, self._gone, until=until, numbers=numbers)

    def _addressed_updates(self, match: str) -> Iterator[Probe]:
        """Yield an UPDATE of all columns to what they are, and one of each in case that fails."""
        columns = self._updated()
        choices = [columns, *((column,) for column in columns)]
        for chosen in choices if len(columns) > 1 else choices[:1]:
            same = ", ".join(f"{quote(c.name)} = (v.image).{quote(c.name)}" for c in chosen)
            if chosen:
                yield Probe(
                    tuple(Question("UPDATE", "addressed", c.name) for c in chosen),
                    f"update {self._sql} as r set {same} from {self.rows.table} as v where {match}",
                    self._gone,
                    until="untroubled",
                    joint=len(chosen) > 1,
                )

    def _changes_by_kind(self, updates: list[Answer], match: str | None) -> Iterator[Probe]:
        reach = [a for a in updates if a.question == REACH and not a.sqlstate]
        blind = {n for answer in reach for n in answer.numbers}
        asked: dict[str, tuple[Whose, ...]] = {}
        for column in self._updated():
            mine = [a for a in updates if a.question.column == column.name]
            found = {n for answer in mine for n in answer.numbers}
            if not self.rows.are_many:
                if not match or not reach or not blind <= found:
                    question = Question("UPDATE", "blind", column.name)
                    yield from self._blind_updates(column, question, "unconstrained")
                yield from self._blind_moves(column)
            asked[column.name] = self._kinds_of(blind | found)
            if not reach or any(answer.sqlstate for answer in mine):
                asked[column.name] = self._reachable(updates)
        if match:
            changes = Changes(self.persona, self.rows, self.ownership, match)
            yield from changes.probes(self._updated(), asked)

    def _blind_moves(self, column: Column) -> Iterator[Probe]:
        """Yield an UPDATE that gives rows away and names none, so that SELECT policies are silent.

        Where rows are named, what they become must be seen as well, and a WITH CHECK that lets
        anything pass goes unnoticed.
        """
        relation, name = self.rows.relation, quote(column.name)
        mine: Sequence[str] = (self.persona.sub,) if self.persona.sub else ()
        if column.name in self.ownership.organization_columns(relation):
            mine = self.persona.organizations
        elif column.name not in self.ownership.owner_columns(relation):
            return
        strangers = self.rows.examples(self.persona, Whose.OTHER)
        if mine and strangers:
            theirs = f"(v.image).{name}"
            yield Probe(
                (Question("UPDATE", "moved", column.name),),
                f"update {self._sql} set {name} = (select {theirs} from {self.rows.table} as v "
                f"where not {theirs}::text {is_one_of(mine)} "
                f"order by v.n <> {strangers[0]}, v.n limit 1)",
                self._gone,
                until="unconstrained",
            )

    def _deletes_by_kind(self, deletes: list[Answer], match: str | None) -> Iterator[Probe]:
        everything = f"delete from {self._sql}"
        if self.bonds and any(a.constrained for a in deletes):
            yield Probe((Question("DELETE", "unbound"),), everything, self._gone, self.bonds)
        for whose in self.rows.kinds(self.persona) if match else ():
            for n in self.rows.examples(self.persona, whose):
                yield Probe(
                    (Question("DELETE", "addressed", whose=whose),),
                    f"{everything} as r using {self.rows.table} as v where v.n = $1 and {match}",
                    self._gone,
                    numbers=(n,),
                )

    def _reachable(self, updates: list[Answer]) -> tuple[Whose, ...]:
        """Return the kinds of rows an UPDATE can reach: the same whatever column it is of."""
        if any(a.question == REACH and not a.sqlstate for a in updates):
            return self._kinds_of(n for a in updates for n in a.numbers)
        return self.rows.kinds(self.persona)

    def _kinds_of(self, numbers: Iterable[int]) -> tuple[Whose, ...]:
        whose = self.rows.whose[self.persona.name]
        return tuple(sorted({whose[n - 1] for n in numbers}))


def match_rows(relation: Relation, privileges: Privileges) -> str | None:
    """Return how to find the row of copy `v`, reading only what the persona may read."""
    readable = privileges.select
    if relation.primary_key and readable.issuperset(relation.primary_key):
        keys = relation.primary_key
        return " and ".join(f"r.{quote(k)} = (v.image).{quote(k)}" for k in keys)
    if privileges.whole_row:
        return "r.ctid = v.place and r.tableoid = v.part"
    names = [quote(c) for c in relation.column_names if c in readable]
    same = (f"r.{name}::text is not distinct from (v.image).{name}::text" for name in names)
    return " and ".join(same) or None
