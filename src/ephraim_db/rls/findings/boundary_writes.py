"""cross-boundary-write: a member adds, changes or removes rows of another organization."""

from __future__ import annotations

from collections.abc import Iterator

from ephraim_db.rls.findings.candidates import Candidate
from ephraim_db.rls.findings.fixing import compare_columns, fix_policy
from ephraim_db.rls.findings.proving import proofs_of_writing
from ephraim_db.rls.findings.scene import WRITES, Scene
from ephraim_db.rls.ownership import Whose

RULE = "cross-boundary-write"
VERBS = {"INSERT": "adds rows for", "UPDATE": "changes rows of", "DELETE": "removes rows of"}


def find(scene: Scene) -> Iterator[Candidate]:
    """Suspect every member whose write reached another organization."""
    for persona, relation in scene.pairs(scene.judged_members):
        if Whose.ORGANIZATION not in scene.kinds(persona, relation):
            continue
        for command in WRITES:
            cells = [c for c in scene.allowed(persona, relation, command) if c.scope == "all"]
            if not cells:
                continue
            # Signing up makes an organization, and a form on a public page is for anybody.
            if command == "INSERT" and (
                scene.is_boundary(relation) or scene.anyone_may(relation, command)
            ):
                continue
            telling = scene.observation.ownership.organization_columns(relation)
            yield Candidate(
                RULE,
                "error",
                persona,
                relation.full_name,
                cells[0].columns,
                f"{persona.name} {VERBS[command]} another {scene.boundary} in {relation.full_name}",
                fix_policy(
                    scene, persona, relation, command, compare_columns(telling, scene.boundary)
                ),
                proofs_of_writing(scene, persona, relation, command, cells[0].columns),
            )
