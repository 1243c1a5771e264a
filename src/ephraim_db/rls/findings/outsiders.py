"""outsider-reads, outsider-writes: who belongs to no organization reaches an organization's rows.

So do all who just signed up and, where anonymous sign-ins are on, whoever asks: they are
`authenticated` as well, and only the claim `is_anonymous` tells them apart.
"""

from __future__ import annotations

from collections.abc import Iterator

from ephraim_db.rls.catalog import Relation
from ephraim_db.rls.findings.candidates import Candidate
from ephraim_db.rls.findings.finding import Severity
from ephraim_db.rls.findings.fixing import compare_columns, fix_policy
from ephraim_db.rls.findings.proving import proofs_of_writing, reads_others
from ephraim_db.rls.findings.scene import WRITES, Scene
from ephraim_db.rls.ownership import Whose
from ephraim_db.rls.personas import Persona
from ephraim_db.rls.probes import Command

READS, WRITES_RULE = "outsider-reads", "outsider-writes"
COMMANDS: tuple[Command, ...] = ("SELECT", *WRITES)
VERBS = {"SELECT": "reads", "INSERT": "adds", "UPDATE": "changes", "DELETE": "removes"}


def find(scene: Scene) -> Iterator[Candidate]:
    """Suspect every signed-in persona of no organization who reached rows of one."""
    outsiders = [persona for persona in scene.members if persona.organization is None]
    for persona, relation in scene.pairs(outsiders):
        telling = scene.observation.ownership.organization_columns(relation)
        if not telling:
            continue
        for command in COMMANDS:
            cells = [c for c in scene.allowed(persona, relation, command) if c.scope == "all"]
            if not cells or scene.anyone_may(relation, command):
                continue
            if command == "INSERT" and scene.is_boundary(relation):
                continue
            aside = " (an anonymous sign-in)" if persona.claims.get("is_anonymous") else ""
            yield Candidate(
                READS if command == "SELECT" else WRITES_RULE,
                _severity(scene, persona, relation, command),
                persona,
                relation.full_name,
                cells[0].columns,
                f"{persona.name} belongs to no {scene.boundary} and {VERBS[command]} rows of "
                f"{relation.full_name}{aside}",
                fix_policy(
                    scene, persona, relation, command, compare_columns(telling, scene.boundary)
                ),
                reads_others(scene, persona, relation, cells[0].columns)
                if command == "SELECT"
                else proofs_of_writing(scene, persona, relation, command, cells[0].columns),
            )


def _severity(scene: Scene, persona: Persona, relation: Relation, command: Command) -> Severity:
    """Judge by what else was seen: what is published is some rows, and nothing is changed."""
    if command != "SELECT":
        return "error"
    others = scene.whose(persona, relation, Whose.OTHER)
    seen = scene.rows_seen(persona, relation)
    if seen and seen < others:
        return "info"
    return "warning" if scene.is_boundary(relation) else "error"
