"""escalation: one write that is allowed lets somebody see or do more than before.

what is seen and may be done --write into a door--> look again: rows that were there before and are
                                                    within reach only now, and what only now may be
                                                    added, removed or called, are the gain
                             --a second write-----> where the first one let more be written
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice, zip_longest

from ephraim_db.rls.catalog import Relation
from ephraim_db.rls.findings.attempting import Step, Told
from ephraim_db.rls.findings.candidates import Candidate, Proof
from ephraim_db.rls.findings.door_calls import calls
from ephraim_db.rls.findings.door_writes import Path, Write, carried_out, writes
from ephraim_db.rls.findings.doors import Doors
from ephraim_db.rls.findings.finding import SEVERITIES, Severity
from ephraim_db.rls.findings.fixing import fix_function, fix_policy, narrow_grant
from ephraim_db.rls.findings.gained_calls import gained_calls
from ephraim_db.rls.findings.gains import Gain, severity_of, worst_gains, written
from ephraim_db.rls.findings.measures import ask_after, deeds_of, measures_of, shown_by
from ephraim_db.rls.findings.scene import Scene
from ephraim_db.rls.findings.untried import (
    openings_left_out,
    relations_left_out,
    writes_left_out,
)
from ephraim_db.rls.matrix import Unproven
from ephraim_db.rls.personas import Persona

RULE = "escalation"
MOST_FIRSTS, MOST_SECONDS = 120, 60
"""So many writes, and so many pairs of writes, are tried as each persona."""
MOST_MEASURED = 6
"""So many of the relations that a door guards are looked at again after each write."""
MOST_OPENED = 3
"""So many first writes are followed by a second one."""


def find(scene: Scene) -> Iterator[Candidate | Unproven]:
    """Try every write into every door as every client, and look again."""
    doors = Doors(scene)
    for persona in scene.clients:
        into = (writes(doors, persona, door, seen=True) for door in doors.relations)
        firsts = [(write,) for write in chain(*into, calls(doors, persona))]
        tried = _fairly(firsts, MOST_FIRSTS)
        yield from writes_left_out(persona, firsts, tried)
        yield from _not_measured(doors, persona, tried)
        found = _search(doors, persona, tried)
        best = worst_gains(scene, persona, found)
        yield from (_candidate(scene, persona, gain) for gain in best)
        told = {written(gain.path) for gain in best}
        yield from _by_calls(doors, persona, [p for p in tried if written(p) not in told])
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
        yield from (_candidate(scene, persona, gain) for gain in worst_gains(scene, persona, fresh))


def _fairly(paths: Iterable[Path], most: int) -> list[Path]:
    """Return as many paths as there is time for, some of each kind."""
    kinds: dict[object, list[Path]] = {}
    for path in paths:
        kinds.setdefault((path[0].kind, path[-1].kind), []).append(path)
    by_turns = (path for turn in zip_longest(*kinds.values()) for path in turn if path)
    return list(islice(by_turns, most))


def _opening(doors: Doors, found: Sequence[Gain]) -> list[Write]:
    """Return the first writes after which a door can be written to that could not before."""
    opening = {
        gain.path[0].what: gain.path[0]
        for gain in found
        if gain.measure.verb != "reads" and gain.measure.relation in doors.relations
    }
    return list(opening.values())


def _search(doors: Doors, persona: Persona, paths: Sequence[Path]) -> list[Gain]:
    """Return what the paths brought in the relations that the last door of each guards."""
    guarded = {
        oid: _worth_measuring(doors.scene, persona, doors.guarded_by(door))[:MOST_MEASURED]
        for oid, door in {door.oid: door for path in paths for door in path[-1].doors}.items()
    }
    looked_at = dict.fromkeys(relation for some in guarded.values() for relation in some)
    measures = [
        *measures_of(doors.scene, persona, looked_at),
        *deeds_of(doors.scene, persona, looked_at),
    ]
    tries = [
        (
            tuple(step for write in path for step in carried_out(write)),
            [m for m in measures if any(m.relation in guarded[d.oid] for d in path[-1].doors)],
        )
        for path in paths
    ]
    return [
        Gain(path, measure, rows)
        for path, (steps, mine), (told, gained) in zip(
            paths, tries, ask_after(doors.scene, measures, tries), strict=True
        )
        if _went_through(steps, told)
        for measure, rows in zip(mine, gained, strict=False)
        if rows
    ]


def _went_through(steps: Sequence[Step], told: tuple[Told, ...]) -> bool:
    writes = (t for s, t in zip(steps, told, strict=False) if s.persona and not s.asks)
    return len(told) == len(steps) and all(t.touched for t in writes)


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


def _not_measured(doors: Doors, persona: Persona, paths: Sequence[Path]) -> Iterator[Unproven]:
    """Yield what was never looked at again, though a door that was written into guards it."""
    guarded = [
        _worth_measuring(doors.scene, persona, doors.guarded_by(door))
        for door in dict.fromkeys(door for path in paths for door in path[-1].doors)
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


def _by_calls(doors: Doors, persona: Persona, paths: Sequence[Path]) -> Iterator[Candidate]:
    """Yield, for each thing written, the worst that a function does after it."""
    gains = sorted(
        gained_calls(doors, persona, paths), key=lambda gain: SEVERITIES.index(gain.severity)
    )
    for gain in {written(gain.path): gain for gain in reversed(gains)}.values():
        yield _led_by(doors.scene, persona, gain.path, gain.severity, gain.told, (gain.proof,))


def _candidate(scene: Scene, persona: Persona, gain: Gain) -> Candidate:
    writing = tuple(step for write in gain.path for step in carried_out(write))
    return _led_by(
        scene,
        persona,
        gain.path,
        severity_of(scene, persona, gain),
        gain.measure.told(gain.rows),
        shown_by(gain.measure, writing),
    )


def _led_by(
    scene: Scene,
    persona: Persona,
    path: Path,
    severity: Severity,
    told: str,
    proofs: tuple[Proof, ...],
) -> Candidate:
    first = path[0]
    return Candidate(
        RULE,
        severity,
        persona,
        first.function.full_name if first.function else first.door.full_name,
        (first.column,) if first.column else (),
        f"{persona.name} {', then '.join(write.what for write in path)} -> {told}",
        _fix(scene, persona, first),
        proofs,
    )


def _fix(scene: Scene, persona: Persona, write: Write) -> str:
    if write.function:
        return fix_function(persona, write.function)
    if write.column:
        return narrow_grant(scene, persona, write.door, "update", write.column)
    should = "let nobody write what decides who they are"
    return fix_policy(scene, persona, write.door, write.command, should)
