"""What the search for escalations had no time to try: told as unproven, not passed over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from ephraim_db.rls.catalog import Relation
from ephraim_db.rls.findings.door_writes import Write
from ephraim_db.rls.matrix import Unproven
from ephraim_db.rls.personas import Persona


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
