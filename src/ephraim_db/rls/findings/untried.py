"""What the search had no time to try: told as unproven, not passed over."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from ephraim_db.rls.catalog import Relation
from ephraim_db.rls.findings.attempting import MOST_SECONDS, Attempt
from ephraim_db.rls.findings.door_writes import Write
from ephraim_db.rls.findings.scene import Scene
from ephraim_db.rls.matrix import Unproven
from ephraim_db.rls.personas import Persona
from ephraim_db.rls.probes import Command


def writes_left_out(
    persona: Persona, paths: Sequence[tuple[Write, ...]], tried: Sequence[tuple[Write, ...]]
) -> Iterator[Unproven]:
    """Yield where paths of writes end that were not tried, and how many of how many."""
    there = Counter((path[-1].door.full_name, path[-1].command) for path in paths)
    done = Counter((path[-1].door.full_name, path[-1].command) for path in tried)
    noun = "pairs of writes" if paths and len(paths[0]) > 1 else "writes"
    for (relation, command), number in there.items():
        missed = number - done[relation, command]
        if missed:
            reason = f"{missed} of {number} {noun} that might lead further were not tried"
            yield Unproven(persona.name, relation, command, reason, of_search=True)


def openings_left_out(persona: Persona, opening: Iterable[Write]) -> Iterator[Unproven]:
    """Yield the writes that let more be written, and that no second one was tried after."""
    for write in opening:
        reason = f"no second write was tried after one that {write.what}"
        yield Unproven(persona.name, write.door.full_name, write.command, reason, of_search=True)


def relations_left_out(persona: Persona, relations: Iterable[Relation]) -> Iterator[Unproven]:
    """Yield the relations that were not looked at again after the writes."""
    for relation in relations:
        reason = "whether a write elsewhere brings more of it within reach was not tried"
        yield Unproven(persona.name, relation.full_name, "SELECT", reason, of_search=True)


def overlong_left_out(scene: Scene) -> Iterator[Unproven]:
    """Yield what was cut off because it took too long, by who did it to what."""
    there = Counter(_about(scene, attempt) for attempt in scene.course.overlong)
    for (persona, subject, command), number in there.items():
        reason = (
            f"{number} attempts to find more were cut off: one took longer than {MOST_SECONDS} s"
        )
        yield Unproven(persona, subject, command, reason, of_search=True)


def _about(scene: Scene, attempt: Attempt) -> tuple[str, str, Command]:
    """Return the persona that attempts it, the function or relation that it names, and how."""
    last = next((step for step in reversed(attempt) if step.persona), attempt[-1])
    name = last.persona.name if last.persona else ""
    for function in scene.facts.functions.values():
        if f"{function.sql}(" in last.sql:
            return name, function.full_name, "EXECUTE"
    said = re.search(r"\b(insert|update|delete)\b", last.sql)
    commands: dict[str, Command] = {"insert": "INSERT", "update": "UPDATE", "delete": "DELETE"}
    catalog = scene.observation.catalog.relations.values()
    relation = next((one.full_name for one in catalog if one.sql in last.sql), "")
    return name, relation, commands[said[1]] if said else "SELECT"
