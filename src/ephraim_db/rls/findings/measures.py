"""What may be within reach of somebody after a write, and was not before it.

reads, changes     rows noted down as far before, and counted where they are near now
removes, adds to   a deed that comes to nothing before, and is done now; each time it is undone
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from psycopg.sql import Literal

from ephraim_db.rls.catalog import Relation, quote
from ephraim_db.rls.findings.attempting import Attempt, Step, Told, asked, did
from ephraim_db.rls.findings.candidates import Proof
from ephraim_db.rls.findings.others import rows_that_are
from ephraim_db.rls.findings.proving import fresh, insert_choices
from ephraim_db.rls.findings.scene import Scene
from ephraim_db.rls.findings.scratch import keep
from ephraim_db.rls.matrix import SCOPES
from ephraim_db.rls.ownership import Whose
from ephraim_db.rls.personas import Persona
from ephraim_db.rls.probes import Command

TAKEN, REFERENCED = "23505", "23503"
"""A constraint objects after the policies: that it could, shows that they did not."""
NEAR = keep("near", "what text, key text", "select, insert")
FAR = keep("far", "what text, key text")
LIKE = keep("samples", "what text, row jsonb")
"""Rows within reach of the persona before it writes, those that are not, and rows to add."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A question, and what must be done `before` the write so that it can be asked.

    The answer is yes if it touches a row, tells a number above 0, or fails with `objection`. A
    `deed` is asked before the write as well. `kind` is of whose rows it is, if that is known.
    """

    relation: Relation
    verb: str
    before: tuple[Step, ...]
    question: Step
    deed: bool = False
    kind: Whose | None = None
    objection: str | None = None

    def rows(self, told: Told) -> int:
        """Return how many rows the answer is about, 0 if it is no."""
        if told.sqlstate:
            return int(told.sqlstate == self.objection)
        return told.touched or told.count

    def told(self, rows: int) -> str:
        """Return the gain in words, after the name."""
        if self.kind and self.verb == "adds to":
            return f"adds rows to {self.relation.full_name} that were refused before"
        return (
            f"{self.verb} rows of {self.relation.full_name} that were out of reach before ({rows})"
        )

    @property
    def name(self) -> tuple[object, ...]:
        """Return what tells it from others, whoever asks."""
        return self.relation.oid, self.verb, self.kind

    @property
    def undone(self) -> Step:
        """Return the question, after which everything is as it was."""
        return replace(self.question, undone=self.deed)


Try = tuple[Attempt, Sequence[Measure]]
"""What is done, and what is asked after it."""


def measures_of(scene: Scene, persona: Persona, relations: Iterable[Relation]) -> Iterator[Measure]:
    """Yield the questions how many rows the persona sees and may change that it could not before.

    FOR UPDATE asks the policies of UPDATE, and changes nothing.
    """
    for relation in relations:
        if _names_rows(scene, persona, relation):
            yield _rows(persona, relation, "reads", "")
            if scene.privileges(persona, relation).update:
                yield _rows(persona, relation, "changes", " for update")


def deeds_of(scene: Scene, persona: Persona, relations: Iterable[Relation]) -> Iterator[Measure]:
    """Yield the questions whose rows the persona may remove and add that it could not before."""
    for relation in relations:
        if _names_rows(scene, persona, relation):
            yield from _removals(scene, persona, relation)
        yield from _additions(scene, persona, relation)


def ask_after(
    scene: Scene, measures: Sequence[Measure], tries: Sequence[Try], first: Attempt = ()
) -> list[tuple[tuple[Told, ...], tuple[int, ...]]]:
    """Return what each try told, and for each of its measures how many rows are the gain.

    `first` is done before the measures are taken. A deed that was done before the try is no gain;
    a try that did not get through has none.
    """
    if not tries:
        return []
    deeds = [measure for measure in measures if measure.deed]
    before = {step.sql: step for measure in measures for step in measure.before}
    attempts = [(*steps, *(m.undone for m in mine)) for steps, mine in tries]
    done, *results = scene.carry_out(
        [tuple(d.undone for d in deeds), *attempts], (*first, *before.values())
    )
    could = {deed.name for deed, told in zip(deeds, done, strict=False) if deed.rows(told)}
    found = []
    for (steps, mine), told in zip(tries, results, strict=True):
        answers = told[len(steps) :]
        rows = (0 if m.name in could else m.rows(t) for m, t in zip(mine, answers, strict=False))
        found.append((told[: len(steps)], tuple(rows)))
    return found


def shown_by(measure: Measure, steps: Attempt, question: Step | None = None) -> tuple[Proof, ...]:
    """Return the proofs that steps, or to ask otherwise, bring what is measured within reach."""
    first = (measure.undone,) if measure.deed else ()
    proof = Proof((*measure.before, *first, *steps, question or measure.question))
    objecting = (replace(proof, sqlstate=measure.objection),) if measure.objection else ()
    return (proof, *objecting)


def _rows(persona: Persona, relation: Relation, verb: str, lock: str) -> Measure:
    key, what = _key(relation), _literal(f"{verb} {relation.full_name}")
    return Measure(
        relation,
        verb,
        (
            NEAR,
            FAR,
            Step(
                f"insert into pg_temp.near select {what}, {key} from {relation.sql} as r{lock}",
                persona,
                may_fail=True,
            ),
            Step(
                f"insert into pg_temp.far select {what}, {key} from {relation.sql} as r "
                f"where {key} not in (select n.key from pg_temp.near as n where n.what = {what})"
            ),
        ),
        asked(
            f"select count(*) as rows_gained from (select from {relation.sql} as r where {key} "
            f"in (select f.key from pg_temp.far as f where f.what = {what}){lock}) as q",
            persona,
        ),
    )


def _removals(scene: Scene, persona: Persona, relation: Relation) -> Iterator[Measure]:
    key = _key(relation)
    for kind in _out_of_reach(scene, persona, relation, "DELETE"):
        what = _literal(f"removes {relation.full_name} {kind:d}")
        yield Measure(
            relation,
            "removes",
            (
                FAR,
                Step(
                    f"insert into pg_temp.far select {what}, {key} from {relation.sql} as r "
                    f"where {rows_that_are(scene, persona, relation, (kind,))}"
                ),
            ),
            did(
                f"delete from {relation.sql} as r where {key} "
                f"in (select f.key from pg_temp.far as f where f.what = {what})",
                persona,
            ),
            deed=True,
            kind=kind,
            objection=REFERENCED,
        )


def _additions(scene: Scene, persona: Persona, relation: Relation) -> Iterator[Measure]:
    columns = next(
        insert_choices(scene, relation, scene.privileges(persona, relation).insert), None
    )
    for kind in _out_of_reach(scene, persona, relation, "INSERT") if columns else ():
        what = _literal(f"adds to {relation.full_name} {kind:d}")
        names = ", ".join(quote(column.name) for column in columns or ())
        values = ", ".join(fresh(relation, column) for column in columns or ())
        yield Measure(
            relation,
            "adds to",
            (
                LIKE,
                Step(
                    f"insert into pg_temp.samples select {what}, to_jsonb(r) "
                    f"from {relation.sql} as r "
                    f"where {rows_that_are(scene, persona, relation, (kind,))} limit 1"
                ),
            ),
            did(
                f"insert into {relation.sql} ({names}) select {values} from pg_temp.samples as s "
                f"cross join jsonb_populate_record(null::{relation.sql}, s.row) as o "
                f"where s.what = {what}",
                persona,
            ),
            deed=True,
            kind=kind,
            objection=TAKEN,
        )


def _out_of_reach(
    scene: Scene, persona: Persona, relation: Relation, command: Command
) -> Iterator[Whose]:
    """Yield whose rows, but one's own, a command that is granted was not seen to reach."""
    cells = scene.cells(persona, relation, command)
    if {cell.outcome for cell in cells} & {"allowed", "hidden", "refused_by_policy"}:
        reached = {cell.scope for cell in cells if cell.outcome == "allowed"}
        furthest = max((kind for kind in Whose if SCOPES[kind] in reached), default=0)
        for kind in scene.kinds(persona, relation):
            if kind > max(furthest, Whose.OWN):
                yield kind


def _names_rows(scene: Scene, persona: Persona, relation: Relation) -> bool:
    readable = scene.privileges(persona, relation).select
    return bool(relation.primary_key) and readable.issuperset(relation.primary_key)


def _key(relation: Relation) -> str:
    return f"row({', '.join(f'r.{quote(key)}' for key in relation.primary_key)})::text"


def _literal(text: str) -> str:
    return Literal(text).as_string(None).strip()
