"""escalation: one write that is allowed lets somebody see or change more than before.

what is seen and may be changed --write into a door--> look again: rows that were there before and
                                                       are within reach only now are the gain
                                --a second write-----> where the first one let more be changed
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, zip_longest

from psycopg.sql import Literal

from ephraim_db.rls.catalog import Relation, quote
from ephraim_db.rls.findings.attempting import Step, Told, asked
from ephraim_db.rls.findings.candidates import Candidate, Proof
from ephraim_db.rls.findings.door_writes import Write, calls, writes
from ephraim_db.rls.findings.doors import Doors
from ephraim_db.rls.findings.finding import Severity
from ephraim_db.rls.findings.fixing import fix_function, fix_policy, narrow_grant
from ephraim_db.rls.findings.scene import Scene
from ephraim_db.rls.findings.untried import (
    openings_left_out,
    relations_left_out,
    writes_left_out,
)
from ephraim_db.rls.matrix import Unproven
from ephraim_db.rls.ownership import Whose
from ephraim_db.rls.personas import Persona

RULE = "escalation"
MOST_FIRSTS, MOST_SECONDS = 120, 60
"""So many writes, and so many pairs of writes, are tried as each persona."""
MOST_MEASURED = 6
"""So many of the relations that a door guards are looked at again after each write."""
MOST_OPENED = 3
"""So many first writes are followed by a second one."""
NOTE_DOWN = (
    Step("create temp table near (what text, key text) on commit drop"),
    Step("create temp table far (what text, key text) on commit drop"),
    Step("grant select, insert on pg_temp.near, pg_temp.far to public"),
)
"""What is within reach of the persona before it writes, and what is not."""


@dataclass(frozen=True, slots=True)
class Measure:
    """How many rows that were out of reach `before` are within it now, and what is done to them."""

    relation: Relation
    verb: str
    before: tuple[Step, ...]
    question: Step


@dataclass(frozen=True, slots=True)
class Gain:
    """What a path of writes brought within reach: so many rows."""

    path: tuple[Write, ...]
    measure: Measure
    rows: int


def find(scene: Scene) -> Iterator[Candidate | Unproven]:
    """Try every write into every door as every client, and look again."""
    doors = Doors(scene)
    for persona in scene.clients:
        firsts = [
            (write,)
            for door in doors.relations
            for write in (*writes(doors, persona, door, seen=True), *calls(doors, persona, door))
        ]
        tried = _fairly(firsts, MOST_FIRSTS)
        yield from writes_left_out(persona, firsts, tried)
        yield from _not_measured(doors, persona, tried)
        found = _search(doors, persona, tried)
        for gain in _best(scene, persona, found):
            yield _candidate(scene, persona, gain)
        known = {(gain.measure.relation.oid, gain.measure.verb) for gain in found}
        opening = _opening(doors, found)
        yield from openings_left_out(persona, opening[MOST_OPENED:])
        seconds = [
            (first, second)
            for first in opening[:MOST_OPENED]
            for door in doors.relations
            for second in writes(doors, persona, door, seen=False)
            if (second.door, second.column) != (first.door, first.column)
        ]
        tried = _fairly(seconds, MOST_SECONDS)
        yield from writes_left_out(persona, seconds, tried)
        deeper = _search(doors, persona, tried)
        fresh = [g for g in deeper if (g.measure.relation.oid, g.measure.verb) not in known]
        for gain in _best(scene, persona, fresh):
            yield _candidate(scene, persona, gain)


def _fairly(paths: Iterable[tuple[Write, ...]], most: int) -> list[tuple[Write, ...]]:
    """Return as many paths as there is time for, some of each kind."""
    kinds: dict[object, list[tuple[Write, ...]]] = {}
    for path in paths:
        kinds.setdefault((path[0].kind, path[-1].kind), []).append(path)
    by_turns = (path for turn in zip_longest(*kinds.values()) for path in turn if path)
    return list(islice(by_turns, most))


def _opening(doors: Doors, found: Sequence[Gain]) -> list[Write]:
    """Return the first writes after which a door can be written to that could not before."""
    opening = {
        gain.path[0].what: gain.path[0]
        for gain in found
        if gain.measure.verb == "changes" and gain.measure.relation in doors.relations
    }
    return list(opening.values())


def _search(doors: Doors, persona: Persona, paths: Sequence[tuple[Write, ...]]) -> list[Gain]:
    """Return what the paths brought in the relations that the last door of each guards."""
    guarded = {
        oid: _worth_measuring(doors.scene, persona, doors.guarded_by(door))[:MOST_MEASURED]
        for oid, door in {path[-1].door.oid: path[-1].door for path in paths}.items()
    }
    looked_at = dict.fromkeys(relation for some in guarded.values() for relation in some)
    measures = list(measures_of(doors.scene, persona, looked_at))
    before = (*NOTE_DOWN, *(step for measure in measures for step in measure.before))
    asking = [[m for m in measures if m.relation in guarded[path[-1].door.oid]] for path in paths]
    attempts = [
        (
            *(step for write in path for step in _carried_out(write)),
            *(measure.question for measure in mine),
        )
        for path, mine in zip(paths, asking, strict=True)
    ]
    found = []
    results = doors.scene.carry_out(attempts, before) if attempts else []
    for path, mine, told in zip(paths, asking, results, strict=True):
        if mine and _went_through(path, told):
            for measure, now in zip(mine, told[-len(mine) :], strict=True):
                if now.sqlstate is None and now.count:
                    found.append(Gain(path, measure, now.count))
    return found


def _carried_out(write: Write) -> Iterator[Step]:
    yield from write.before
    yield write.step
    for name in ("mine", "choice", "template", "arguments"):
        yield Step(f"drop table if exists pg_temp.{name}")


def _went_through(path: Sequence[Write], told: tuple[Told, ...]) -> bool:
    steps = [step for write in path for step in _carried_out(write)]
    if len(told) <= len(steps):
        return False
    return all(t.touched for s, t in zip(steps, told, strict=False) if s.persona and not s.asks)


def _worth_measuring(
    scene: Scene, persona: Persona, relations: Iterable[Relation]
) -> list[Relation]:
    """Return the relations, those of which most is out of reach, and so may be gained, first."""

    def within_reach(relation: Relation) -> tuple[bool, bool]:
        updates = scene.cells(persona, relation, "UPDATE")
        closed = any(cell.outcome in ("hidden", "refused_by_policy") for cell in updates)
        unseen = scene.whose_any(persona, relation) - scene.rows_seen(persona, relation)
        return not closed, not unseen

    return sorted(relations, key=within_reach)


def _not_measured(
    doors: Doors, persona: Persona, paths: Sequence[tuple[Write, ...]]
) -> Iterator[Unproven]:
    """Yield what was never looked at again, though a door that was written into guards it."""
    guarded = [
        _worth_measuring(doors.scene, persona, doors.guarded_by(door))
        for door in dict.fromkeys(path[-1].door for path in paths)
    ]
    measured = {relation.oid for some in guarded for relation in some[:MOST_MEASURED]}
    left = dict.fromkeys(relation for some in guarded for relation in some[MOST_MEASURED:])
    yield from relations_left_out(
        persona,
        (
            relation
            for relation in left
            if relation.oid not in measured and any(measures_of(doors.scene, persona, [relation]))
        ),
    )


def measures_of(scene: Scene, persona: Persona, relations: Iterable[Relation]) -> Iterator[Measure]:
    """Yield the questions how many rows the persona sees and may change that it could not before.

    FOR UPDATE asks the policies of UPDATE, and changes nothing.
    """
    for relation in relations:
        granted = scene.privileges(persona, relation)
        if not relation.primary_key or not granted.select.issuperset(relation.primary_key):
            continue
        yield _measure(persona, relation, "reads", "")
        if granted.update:
            yield _measure(persona, relation, "changes", " for update")


def _measure(persona: Persona, relation: Relation, verb: str, lock: str) -> Measure:
    key = f"row({', '.join(f'r.{quote(key)}' for key in relation.primary_key)})::text"
    what = Literal(f"{verb} {relation.full_name}").as_string(None)
    return Measure(
        relation,
        verb,
        (
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


def _best(scene: Scene, persona: Persona, found: Sequence[Gain]) -> list[Gain]:
    """Return, for each thing written, the gain that is worst."""
    best: dict[tuple[object, ...], Gain] = {}
    for gain in found:
        written = tuple(write.kind for write in gain.path)
        if written not in best or _badness(scene, persona, gain) > _badness(
            scene, persona, best[written]
        ):
            best[written] = gain
    return list(best.values())


def _badness(scene: Scene, persona: Persona, gain: Gain) -> tuple[bool, bool, int]:
    return (
        _severity(scene, persona, gain) == "error",
        gain.measure.verb == "changes",
        gain.rows,
    )


def _severity(scene: Scene, persona: Persona, gain: Gain) -> Severity:
    """Judge by the gain: to follow somebody may well show more, but not let more be changed."""
    if gain.measure.verb == "changes":
        return "error"
    hidden = scene.whose_any(persona, gain.measure.relation) - scene.rows_seen(
        persona, gain.measure.relation
    )
    at_home = hidden - scene.whose(persona, gain.measure.relation, Whose.OTHER)
    bounded = Whose.ORGANIZATION in scene.kinds(persona, gain.measure.relation)
    return "error" if bounded and gain.rows > len(at_home) else "warning"


def _candidate(scene: Scene, persona: Persona, gain: Gain) -> Candidate:
    first, measure = gain.path[0], gain.measure
    path = ", then ".join(write.what for write in gain.path)
    writing = tuple(step for write in gain.path for step in _carried_out(write))
    return Candidate(
        RULE,
        _severity(scene, persona, gain),
        persona,
        first.function.full_name if first.function else first.door.full_name,
        (first.column,) if first.column else (),
        f"{persona.name} {path} -> {measure.verb} rows of {measure.relation.full_name} that "
        f"were out of reach before ({gain.rows})",
        _fix(scene, persona, first),
        (Proof((*NOTE_DOWN, *measure.before, *writing, measure.question)),),
    )


def _fix(scene: Scene, persona: Persona, write: Write) -> str:
    if write.function:
        return fix_function(persona, write.function)
    if write.column:
        return narrow_grant(scene, persona, write.door, "update", write.column)
    should = "let nobody write what decides who they are"
    return fix_policy(scene, persona, write.door, write.command, should)
