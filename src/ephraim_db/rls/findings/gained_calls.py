"""What a function does for somebody after a write into a door, and did not do before.

write --call of a function that names the door--> hidden values came back, or rows of others
                                                  changed; without the write, neither, whether
                                                  called as it was then or with the same values
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice, zip_longest

from ephraim_db.rls.catalog import Relation
from ephraim_db.rls.findings.arguments import (
    ARGUMENTS,
    call,
    give,
    prepare_arguments,
    tries,
    values_given,
)
from ephraim_db.rls.findings.attempting import Attempt, Step, asked
from ephraim_db.rls.findings.calling import worth_calling
from ephraim_db.rls.findings.candidates import Proof
from ephraim_db.rls.findings.door_writes import Path, carried_out
from ephraim_db.rls.findings.doors import Doors
from ephraim_db.rls.findings.finding import SEVERITIES, Severity
from ephraim_db.rls.findings.function_reads import returned_by, severity_of, targets_of
from ephraim_db.rls.findings.function_writes import changed_since, counted_before, may_write
from ephraim_db.rls.findings.hidden_values import Target, hide_all
from ephraim_db.rls.findings.others import count_changed, note_down, rows_that_are
from ephraim_db.rls.findings.scene import Scene
from ephraim_db.rls.functions import Function
from ephraim_db.rls.ownership import Whose
from ephraim_db.rls.personas import Persona

MOST_CALLED = 3
"""So many functions are called after each write."""


@dataclass(frozen=True, slots=True)
class Calling:
    """One way to call a function with `arguments`; the last of `steps` tells what came of it."""

    function: Function
    arguments: tuple[Step, ...]
    steps: tuple[Step, ...]
    writes: bool


@dataclass(frozen=True, slots=True)
class CallGain:
    """What a call does after a path of writes. `told` says it in words, after the name."""

    path: Path
    severity: Severity
    told: str
    proof: Proof


def gained_calls(doors: Doors, persona: Persona, paths: Sequence[Path]) -> Iterator[CallGain]:
    """Call what names the door of each path, as things are, and after its writes."""
    scene = doors.scene
    naming = {
        door: _naming(doors, persona, door)
        for door in dict.fromkeys(door for path in paths for door in path[-1].doors)
    }
    ways = {
        function.oid: [*_ways(scene, persona, function)]
        for function in {f.oid: f for some in naming.values() for f in some}.values()
    }
    tries = [
        (path, way)
        for path in paths
        for function in _after(path, naming)
        for way in ways[function.oid]
    ]
    if not tries:
        return
    targets = targets_of(scene)
    hidden = tuple(hide_all(scene, persona, [*targets.values()]))
    each = [way for some in ways.values() for way in some]
    told = _told(
        scene,
        hidden,
        [
            *((*way.arguments, *way.steps) for way in each),
            *((*_written(path), *way.arguments, *way.steps) for path, way in tries),
        ],
    )
    before = {id(way): some for way, some in zip(each, told[: len(each)], strict=True)}
    suspected = [
        (path, way, now - before[id(way)])
        for (path, way), now in zip(tries, told[len(each) :], strict=True)
        if now - before[id(way)]
    ]
    anyway = _without_writes(scene, hidden, [(path, way) for path, way, _ in suspected])
    for (path, way, now), without in zip(suspected, anyway, strict=True):
        fresh = sorted(now - without)
        if way.writes:
            yield from _changes(scene, persona, path, way, fresh)
        else:
            hits = [targets[name] for name in fresh if name in targets]
            yield from _returns(scene, persona, path, way, hits)


def _told(scene: Scene, hidden: Attempt, attempts: Sequence[Attempt]) -> list[frozenset[str]]:
    """Return what the last step of each tells, nothing if it was not reached."""
    return [
        frozenset(
            (answers[-1].answer or "").split(",") if answers and len(answers) == len(steps) else ()
        )
        for steps, answers in zip(attempts, scene.carry_out(attempts, hidden), strict=True)
    ]


def _without_writes(
    scene: Scene, hidden: Attempt, after: Sequence[tuple[Path, Calling]]
) -> list[frozenset[str]]:
    """Return what the calls after writes tell with the same arguments, but without the writes."""
    shown = scene.carry_out(
        [(*_written(path), *way.arguments, values_given(way.function)) for path, way in after],
        hidden,
    )
    calls = [
        (*give(way.function, answers[-1].answer), *way.steps)
        if answers and answers[-1].answer
        else ()
        for (_, way), answers in zip(after, shown, strict=True)
    ]
    return _told(scene, hidden, calls)


def _naming(doors: Doors, persona: Persona, door: Relation) -> list[Function]:
    facts = doors.scene.facts
    naming = (
        function
        for function in worth_calling(doors.scene, persona)
        if facts.named_in(facts.called([function.oid]), [door])
    )
    return list(islice(naming, MOST_CALLED))


def _after(path: Path, naming: Mapping[Relation, Sequence[Function]]) -> list[Function]:
    """Return the functions to call after a path, by turns those that name each of its doors."""
    by_turns = chain.from_iterable(zip_longest(*(naming[door] for door in path[-1].doors)))
    named = {function.oid: function for function in by_turns if function}
    return list(islice((f for f in named.values() if f is not path[-1].function), MOST_CALLED))


def _ways(scene: Scene, persona: Persona, function: Function) -> Iterator[Calling]:
    for attempt in tries(scene, persona, function):
        arguments = prepare_arguments(scene, persona, function, attempt)
        if function.volatility == "v" and may_write(scene, function):
            counted = counted_before(scene, function)
            steps = (
                Step(f"create temp table counted on commit drop as {counted}"),
                Step(f"select from {call(function)}", persona),
                asked(changed_since(counted)),
            )
            yield Calling(function, arguments, steps, writes=True)
        if function.returns != "void":
            search = asked(returned_by(function), persona)
            yield Calling(function, arguments, (search,), writes=False)


def _written(path: Path) -> tuple[Step, ...]:
    return tuple(step for write in path for step in carried_out(write))


def _tried_before(way: Calling, persona: Persona) -> tuple[Step, ...]:
    """Return the steps that show in a script what the call does without the writes."""
    tried = Step(f"select from {call(way.function)}", persona, may_fail=True, undone=True)
    return (*way.arguments, tried, Step(f"drop table {ARGUMENTS}"))


def _changes(
    scene: Scene, persona: Persona, path: Path, way: Calling, changes: Sequence[str]
) -> Iterator[CallGain]:
    """Yield whose rows the call changes now: of a member, only those of somebody else."""
    for change in changes:
        oid, _, changed = change.partition(" ")
        relation = scene.observation.catalog.relations.get(int(oid or 0))
        if not relation or not relation.has_places or changed != "t":
            continue
        others = rows_that_are(scene, persona, relation, (Whose.OTHER,))
        if others == "true":
            continue
        bounded = Whose.ORGANIZATION in scene.kinds(persona, relation)
        yield CallGain(
            path,
            "error" if bounded else "info",
            f"calls {way.function.full_name}, which now changes rows of "
            f"{scene.other(persona, relation)} in {relation.full_name}",
            Proof((
                *_tried_before(way, persona),
                *_written(path),
                *way.arguments,
                *note_down(relation, others),
                Step(f"select from {call(way.function)}", persona),
                asked(count_changed(relation)),
            )),
        )  # fmt: skip


def _returns(
    scene: Scene, persona: Persona, path: Path, way: Calling, hits: Sequence[Target]
) -> Iterator[CallGain]:
    """Yield the worst of the hidden values that come back now."""
    worst = min(
        hits, key=lambda hit: SEVERITIES.index(severity_of(scene, persona, *hit)), default=None
    )
    if worst is None or severity_of(scene, persona, *worst) == "info":
        return
    relation, column = worst
    yield CallGain(
        path,
        severity_of(scene, persona, relation, column),
        f"calls {way.function.full_name}, which now returns {scene.other(persona, relation)}'s "
        f"{relation.full_name}.{column.name}",
        Proof((
            *hide_all(scene, persona, [worst]),
            *_tried_before(way, persona),
            *_written(path),
            *way.arguments,
            asked(returned_by(way.function, "count(*) as hidden_values_returned"), persona),
        )),
    )  # fmt: skip
