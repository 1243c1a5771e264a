"""others-rows-written: where rows belong to users and to no organization, one changes another's.

Or gives a row away, and so speaks in the other's name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ephraim_db.rls.catalog import Relation
from ephraim_db.rls.findings.candidates import Candidate
from ephraim_db.rls.findings.finding import Severity
from ephraim_db.rls.findings.fixing import compare_columns, fix_policy
from ephraim_db.rls.findings.moved_rows import proofs_of_moving
from ephraim_db.rls.findings.proving import proofs_of_writing
from ephraim_db.rls.findings.scene import WRITES, Scene
from ephraim_db.rls.ownership import Whose
from ephraim_db.rls.personas import Persona
from ephraim_db.rls.probes import Command

AUTHORS = re.compile(r"_by$|^author|assigne|reviewer", re.IGNORECASE)
"""Columns that say who wrote a row, which need not be whose it is."""
RULE = "others-rows-written"
VERBS = {
    "INSERT": "adds rows in the name of another user to",
    "UPDATE": "changes rows of other users in",
    "DELETE": "removes rows of other users from",
}


def find(scene: Scene) -> Iterator[Candidate]:
    """Suspect every member whose write reached rows of another user."""
    for persona, relation in scene.pairs(scene.judged_members):
        kinds = scene.kinds(persona, relation)
        if Whose.OWN not in kinds or Whose.ORGANIZATION in kinds:
            continue
        yield from _given_away(scene, persona, relation)
        for command in WRITES:
            cells = [c for c in scene.allowed(persona, relation, command) if c.scope == "all"]
            if not cells or scene.anyone_may(relation, command):
                continue
            telling = scene.observation.ownership.owner_columns(relation)
            yield Candidate(
                RULE,
                _severity(scene, persona, relation, command),
                persona,
                relation.full_name,
                cells[0].columns,
                f"{persona.name} {VERBS[command]} {relation.full_name}",
                fix_policy(scene, persona, relation, command, compare_columns(telling, "id")),
                proofs_of_writing(scene, persona, relation, command, cells[0].columns),
            )


def _given_away(scene: Scene, persona: Persona, relation: Relation) -> Iterator[Candidate]:
    """Suspect every column that says whose a row is and may be changed, where more may not be.

    Whose a file is, only the Storage service writes down, whatever policies would let pass.
    """
    if relation.schema == "storage":
        return
    cells = scene.allowed(persona, relation, "UPDATE")
    if any(cell.scope == "all" for cell in cells):
        return
    changed = {column for cell in cells for column in cell.columns}
    for column in scene.observation.ownership.owner_columns(relation):
        if column in changed and relation.has_places and persona.sub:
            yield Candidate(
                RULE,
                "warning",
                persona,
                relation.full_name,
                (column,),
                f"{persona.name} puts a row of {relation.full_name} in the name of another user by "
                f"changing {column}",
                fix_policy(
                    scene,
                    persona,
                    relation,
                    "UPDATE",
                    f"{compare_columns((column,), 'id')} in WITH CHECK as well, or revoke update "
                    "of the column",
                ),
                tuple(proofs_of_moving(scene, persona, relation, column, (persona.sub,))),
            )


def _severity(scene: Scene, persona: Persona, relation: Relation, command: Command) -> Severity:
    """Judge by what else was seen: a message is to another, a moderator is one of few,
    and who wrote a row need not own it.
    """
    owners = scene.observation.ownership.owner_columns(relation)
    wrote = not owners or all(AUTHORS.search(owner) for owner in owners)
    held = any(
        other.role == persona.role
        and not any(c.scope == "all" for c in scene.allowed(other, relation, command))
        for other in scene.judged_members
    )
    return "warning" if command == "INSERT" or held or wrote else "error"
