"""cascade-crosses-boundary: removing a row of one's own takes rows of another organization along.

ON DELETE and ON UPDATE actions run past the policies of the tables they reach.
"""

from __future__ import annotations

from collections.abc import Iterator

from ephraim_db.rls.catalog import Relation
from ephraim_db.rls.findings.attempting import Step, asked
from ephraim_db.rls.findings.candidates import Candidate, Proof
from ephraim_db.rls.findings.others import count_changed, note_down, rows_that_are
from ephraim_db.rls.findings.scene import Scene
from ephraim_db.rls.ownership import Whose
from ephraim_db.rls.personas import Persona

RULE = "cascade-crosses-boundary"


def find(scene: Scene) -> Iterator[Candidate]:
    """Suspect every DELETE of one's own rows that rows of others may point at."""
    relations = {relation.oid: relation for relation in scene.relations}
    for persona, relation in scene.pairs(scene.judged_members):
        cells = scene.allowed(persona, relation, "DELETE")
        if not cells or any(cell.scope == "all" for cell in cells):
            continue
        pointing = scene.observation.catalog.pointing_at(relation)
        for child in dict.fromkeys(one for one, _ in pointing if one.oid in relations):
            others = rows_that_are(scene, persona, child, (Whose.OTHER,))
            bounded = Whose.ORGANIZATION in scene.kinds(persona, child)
            if child == relation or not bounded or not child.has_places:
                continue
            yield Candidate(
                RULE,
                "warning",
                persona,
                relation.full_name,
                (),
                f"{persona.name} removes rows of {relation.full_name}, and rows of "
                f"{child.full_name} that belong to others go or change with them",
                f"Let the foreign key of {child.full_name} say `on delete restrict`, or carry the "
                f"{scene.boundary} so that it cannot cross.",
                (
                    Proof((
                        *note_down(child, others),
                        _delete(relation, persona),
                        asked(count_changed(child)),
                    )),
                ),
            )  # fmt: skip


def _delete(relation: Relation, persona: Persona) -> Step:
    return Step(f"delete from {relation.sql}", persona)
