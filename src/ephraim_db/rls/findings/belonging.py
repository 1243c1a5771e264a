"""Whether any row belongs to somebody: a table may name an organization that no row has."""

from __future__ import annotations

from ephraim_db.rls.catalog import Relation
from ephraim_db.rls.findings.attempting import asked
from ephraim_db.rls.findings.others import rows_that_are
from ephraim_db.rls.findings.scene import Scene
from ephraim_db.rls.ownership import Whose
from ephraim_db.rls.personas import Persona


def of_no_organization(scene: Scene, persona: Persona, relation: Relation) -> bool:
    """Return whether no row but the persona's and its organization's leads to an organization."""
    others = rows_that_are(scene, persona, relation, (Whose.OTHER,))
    return _is_empty(
        scene, relation, scene.observation.ownership.has_organization(relation), others
    )


def of_nobody(scene: Scene, relation: Relation) -> bool:
    """Return whether no row leads to an organization or a user."""
    ownership = scene.observation.ownership
    belongs = (ownership.has_organization(relation), ownership.has_owner(relation))
    return _is_empty(scene, relation, " or ".join(one for one in belongs if one), "true")


def _is_empty(scene: Scene, relation: Relation, belongs: str | None, which: str) -> bool:
    if not belongs:
        return False
    among = f"from {relation.sql} as r where ({belongs}) and {which} limit 1"
    ((told,),) = scene.carry_out([(asked(f"select count(*) from (select {among}) as q"),)])
    return told.sqlstate is None and told.count == 0
