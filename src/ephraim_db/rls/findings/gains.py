"""What a path of writes brought within reach, and how bad that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ephraim_db.rls.findings.door_writes import Path
from ephraim_db.rls.findings.finding import Severity
from ephraim_db.rls.findings.measures import Measure
from ephraim_db.rls.findings.scene import Scene
from ephraim_db.rls.ownership import Whose
from ephraim_db.rls.personas import Persona


@dataclass(frozen=True, slots=True)
class Gain:
    """What a path of writes brought within reach: so many rows."""

    path: Path
    measure: Measure
    rows: int


def written(path: Path) -> tuple[object, ...]:
    """Return what is written where, whatever the values."""
    return tuple(write.kind for write in path)


def worst_gains(scene: Scene, persona: Persona, found: Sequence[Gain]) -> list[Gain]:
    """Return, for each thing written, the gain that is worst."""
    best: dict[tuple[object, ...], Gain] = {}
    for gain in found:
        kinds = written(gain.path)
        if kinds not in best or _badness(scene, persona, gain) > _badness(
            scene, persona, best[kinds]
        ):
            best[kinds] = gain
    return list(best.values())


def _badness(scene: Scene, persona: Persona, gain: Gain) -> tuple[bool, bool, int]:
    return (
        severity_of(scene, persona, gain) == "error",
        gain.measure.verb != "reads",
        gain.rows,
    )


def severity_of(scene: Scene, persona: Persona, gain: Gain) -> Severity:
    """Judge by the gain: to follow somebody may well show more, but not let more be changed.

    What may be added depends on what is there: a message, on a room to say it in.
    """
    if gain.measure.verb in ("changes", "removes"):
        return "error"
    relation = gain.measure.relation
    bounded = Whose.ORGANIZATION in scene.kinds(persona, relation)
    if gain.measure.kind:
        return "error" if bounded and gain.measure.kind is Whose.OTHER else "warning"
    hidden = scene.whose_any(persona, relation) - scene.rows_seen(persona, relation)
    at_home = hidden - scene.whose(persona, relation, Whose.OTHER)
    return "error" if bounded and gain.rows > len(at_home) else "warning"
