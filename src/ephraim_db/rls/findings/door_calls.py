"""Which functions somebody may call to write into doors, past their policies."""

from __future__ import annotations

from collections.abc import Iterator

from ephraim_db.rls.findings.arguments import call, prepare_arguments, tries
from ephraim_db.rls.findings.attempting import Step
from ephraim_db.rls.findings.calling import worth_calling
from ephraim_db.rls.findings.door_writes import Write
from ephraim_db.rls.findings.doors import Doors
from ephraim_db.rls.findings.function_writes import may_write
from ephraim_db.rls.personas import Persona


def calls(doors: Doors, persona: Persona) -> Iterator[Write]:
    """Yield one call for each choice of arguments, however many doors the function names."""
    scene = doors.scene
    for function in worth_calling(scene, persona):
        called = scene.facts.called([function.oid])
        oids = scene.facts.named_in(called, doors.relations)
        named = [door for door in doors.relations if door.oid in oids]
        if named and function.volatility == "v" and may_write(scene, function):
            for attempt in tries(scene, persona, function):
                yield Write(
                    named[0],
                    "UPDATE",
                    None,
                    prepare_arguments(scene, persona, function, attempt),
                    Step(f"select from {call(function)}", persona),
                    f"calls {function.full_name}",
                    function,
                    tuple(named[1:]),
                )
