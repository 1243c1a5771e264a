"""The probes of commands in other forms, of which only what comes out otherwise is told.

INSERT ... RETURNING     what was added is read back: SELECT policies count too
DELETE ... RETURNING     rows are named: those that SELECT hides stay
INSERT ... ON CONFLICT   a row that is there already is changed instead
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from ephraim_db.rls.catalog import Privileges, quote
from ephraim_db.rls.changes import gone
from ephraim_db.rls.ownership import Whose
from ephraim_db.rls.personas import Persona
from ephraim_db.rls.probes import Answer, Probe, Question
from ephraim_db.rls.relation_probes import NO_WITNESS, ROWS
from ephraim_db.rls.rows import Rows


@dataclass(frozen=True, slots=True)
class VariantProbes:
    """What one persona attempts on one table, whose rows `match` finds again as `v`."""

    persona: Persona
    rows: Rows
    privileges: Privileges
    match: str

    def probes(self, firsts: Sequence[Answer]) -> Iterator[Probe]:
        """Yield what is worth asking after the first answers."""
        added = [a for a in firsts if a.question.form == "replay" and a.passed]
        readable = [c for c in self.rows.relation.column_names if c in self.privileges.select]
        for answer in added if readable else ():
            if answer.question.whose is not None:
                yield self._returning(answer, readable)
                yield from self._upserts(answer.question.whose)
        yield from self._named_deletes(firsts)

    def _returning(self, answer: Answer, readable: Iterable[str]) -> Probe:
        names = ", ".join(quote(name) for name in readable)
        question = Question("INSERT RETURNING", "replay", whose=answer.question.whose)
        sql = f"{answer.probe.sql} returning {names}"
        return replace(answer.probe, questions=(question,), sql=sql)

    def _upserts(self, whose: Whose) -> Iterator[Probe]:
        relation, granted = self.rows.relation, self.privileges
        key = relation.primary_key
        columns = [c.name for c in relation.columns if c.written and c.name in granted.insert]
        changed = [name for name in columns if name in granted.update and name not in key]
        if not key or not changed or not set(key) <= granted.select.intersection(columns):
            return
        names, keys = (", ".join(map(quote, some)) for some in (columns, key))
        values = ", ".join(f"(v.image).{quote(name)}" for name in columns)
        settings = ", ".join(f"{quote(name)} = excluded.{quote(name)}" for name in changed)
        for n in self.rows.examples(self.persona, whose)[:MOST_UPSERTS]:
            yield Probe(
                (Question("UPSERT", "replay", whose=whose),),
                f"insert into {relation.sql} ({names}) "
                f"select {values} from {self.rows.table} as v where v.n = $1 "
                f"on conflict ({keys}) do update set {settings}",
                NO_WITNESS,
                numbers=(n,),
            )

    def _named_deletes(self, firsts: Sequence[Answer]) -> Iterator[Probe]:
        removed = {n for a in firsts if a.question.command == "DELETE" for n in a.numbers}
        seen = {n for a in firsts if a.question == ROWS for n in a.numbers}
        if not removed <= seen:
            yield Probe(
                (Question("DELETE RETURNING", "blind"),),
                f"delete from {self.rows.relation.sql} as r "
                f"using {self.rows.table} as v where {self.match}",
                gone(self.rows),
            )


MOST_UPSERTS = 2
