"""anonymous-write: whoever has the public key adds, changes or removes rows."""

from __future__ import annotations

from collections.abc import Iterator

from ephraim_db.rls.findings.candidates import Candidate
from ephraim_db.rls.findings.finding import Severity
from ephraim_db.rls.findings.fixing import fix_policy
from ephraim_db.rls.findings.proving import proofs_of_writing
from ephraim_db.rls.findings.scene import WRITES, Scene
from ephraim_db.rls.probes import Command

RULE = "anonymous-write"
VERBS = {"INSERT": "adds rows to", "UPDATE": "changes rows of", "DELETE": "removes rows of"}


def find(scene: Scene) -> Iterator[Candidate]:
    """Suspect every write that needed nobody."""
    for persona, relation in scene.pairs(scene.anonymous):
        for command in WRITES:
            cells = scene.allowed(persona, relation, command)
            if not cells:
                continue
            belongs_to = scene.belongs_to(relation)
            yield Candidate(
                RULE,
                _severity(command, belongs_to, secured=scene.table(relation).secured),
                persona,
                relation.full_name,
                cells[0].columns,
                f"{persona.name} {VERBS[command]} {relation.full_name} without signing in"
                + (f", in the name of any {belongs_to}" if belongs_to else ""),
                fix_policy(
                    scene,
                    persona,
                    relation,
                    command,
                    f"add `to authenticated`, or revoke {command.lower()} from {persona.role}",
                ),
                proofs_of_writing(scene, persona, relation, command, cells[0].columns),
            )


def _severity(command: Command, belongs_to: str, *, secured: bool) -> Severity:
    """Judge by what is written: a form that anybody may send in adds rows of nobody."""
    if command != "INSERT" or not secured:
        return "error"
    return "warning" if belongs_to else "info"
