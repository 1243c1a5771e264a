"""cross-boundary-read: a member reads rows of another organization."""

from __future__ import annotations

from collections.abc import Iterator

from ephraim_db.rls.catalog import Relation
from ephraim_db.rls.findings.belonging import of_no_organization
from ephraim_db.rls.findings.candidates import Candidate
from ephraim_db.rls.findings.finding import Severity
from ephraim_db.rls.findings.fixing import compare_columns, fix_policy
from ephraim_db.rls.findings.proving import reads_others
from ephraim_db.rls.findings.scene import Scene
from ephraim_db.rls.matrix import Unproven
from ephraim_db.rls.ownership import Whose
from ephraim_db.rls.personas import Persona

RULE = "cross-boundary-read"


def find(scene: Scene) -> Iterator[Candidate | Unproven]:
    """Suspect every member who saw rows of another organization that are not public."""
    for persona, relation in scene.pairs(scene.judged_members):
        if Whose.ORGANIZATION not in scene.kinds(persona, relation):
            continue
        cells = [c for c in scene.allowed(persona, relation, "SELECT") if c.scope == "all"]
        if not cells or scene.is_public(relation):
            continue
        columns = cells[0].columns
        telling = scene.observation.ownership.organization_columns(relation)
        severity, aside = _severity(scene, persona, relation)
        whose = f"of another {scene.boundary}"
        if of_no_organization(scene, persona, relation):
            severity, whose, aside = "info", f"that belong to no {scene.boundary}", ""
        yield Candidate(
            RULE,
            severity,
            persona,
            relation.full_name,
            columns,
            f"{persona.name} reads rows {whose} in {relation.full_name}{aside}",
            fix_policy(
                scene, persona, relation, "SELECT", compare_columns(telling, scene.boundary)
            ),
            reads_others(scene, persona, relation, columns),
        )
    for name, membership in scene.also_elsewhere.items():
        yield Unproven(
            name,
            membership.full_name,
            "SELECT",
            f"it is a member of another {scene.boundary}, too: what crosses from one to the other "
            "was not judged; write `organization` as a list in rls.toml",
            of_search=True,
        )


def _severity(scene: Scene, persona: Persona, relation: Relation) -> tuple[Severity, str]:
    """Judge by what else was seen: rows shared on purpose are some, not all."""
    others = scene.whose(persona, relation, Whose.OTHER)
    seen = scene.rows_seen(persona, relation) & others
    if seen and seen < others:
        return "info", f", {len(seen)} of the {len(others)} that there are"
    held = [
        other.name
        for other in scene.judged_members
        if other.role == persona.role
        and other.organizations == persona.organizations
        and (scene.whose(other, relation, Whose.OTHER) or not relation.has_places)
        and not any(c.scope == "all" for c in scene.allowed(other, relation, "SELECT"))
    ]
    if held:
        return "warning", f"; {', '.join(held[:3])} cannot"
    if scene.is_boundary(relation):
        return "warning", ""
    return "error", ""
