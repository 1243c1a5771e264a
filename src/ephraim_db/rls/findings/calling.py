"""Which functions are worth calling: those that step past row-level security for their caller."""

from __future__ import annotations

from collections.abc import Iterator

from ephraim_db.rls.findings.scene import Scene
from ephraim_db.rls.functions import Function
from ephraim_db.rls.personas import Persona


def reaches_outside(scene: Scene, function: Function) -> bool:
    """Return whether a function, or one that it calls, reaches outside the database."""
    return scene.facts.known.way_out([function.oid]) is not None


def was_called(scene: Scene, persona: Persona, function: Function) -> bool:
    """Return whether a call came to something when it was observed: one that never ends did not."""
    return all(c.outcome != "unproven" for c in scene.cells(persona, function, "EXECUTE"))


def steps_past_policies(scene: Scene, function: Function) -> bool:
    """Return whether it, or a function that it calls, runs with its owner's rights."""
    return any(scene.facts.functions[oid].definer for oid in scene.facts.called([function.oid]))


def callable_by(scene: Scene, persona: Persona) -> Iterator[Function]:
    """Yield what the persona may call through the API that steps past policies."""
    for function in scene.facts.functions.values():
        if (
            function.schema in scene.observation.personas.schemas
            and persona.role in function.executors
            and not function.is_trigger
            and not function.is_variadic
            and steps_past_policies(scene, function)
        ):
            yield function


def worth_calling(scene: Scene, persona: Persona) -> Iterator[Function]:
    """Yield those that may be called without a trace."""
    for function in callable_by(scene, persona):
        if not reaches_outside(scene, function) and was_called(scene, persona, function):
            yield function
