"""anonymous-read: whoever has the public key reads rows that belong to somebody."""

from __future__ import annotations

from collections.abc import Iterator

from ephraim_db.rls.catalog import Relation
from ephraim_db.rls.findings.belonging import of_nobody
from ephraim_db.rls.findings.candidates import Candidate
from ephraim_db.rls.findings.finding import Severity
from ephraim_db.rls.findings.fixing import fix_policy
from ephraim_db.rls.findings.proving import reads_others
from ephraim_db.rls.findings.scene import Scene
from ephraim_db.rls.personas import Persona

RULE = "anonymous-read"


def find(scene: Scene) -> Iterator[Candidate]:
    """Suspect every relation whose rows name an owner or organization, read by nobody."""
    for persona, relation in scene.pairs(scene.anonymous):
        cells = scene.allowed(persona, relation, "SELECT")
        belongs_to = scene.belongs_to(relation)
        if not cells or not belongs_to:
            continue
        columns = cells[0].columns
        severity, aside = _severity(scene, persona, relation, columns)
        yield Candidate(
            RULE,
            severity,
            persona,
            relation.full_name,
            columns,
            f"{persona.name} reads {relation.full_name} without signing in, although its rows "
            f"belong to {_a(belongs_to)}{aside}",
            fix_policy(
                scene,
                persona,
                relation,
                "SELECT",
                f"add `to authenticated`, or revoke select from {persona.role}; if it is meant "
                "to be public, grant only the columns that are",
            ),
            reads_others(scene, persona, relation, columns),
        )


def _severity(
    scene: Scene, persona: Persona, relation: Relation, columns: tuple[str, ...]
) -> tuple[Severity, str]:
    """Judge by what else was seen: what is published is some rows, and nothing personal."""
    personal = scene.personal(columns)
    if relation.has_places and not scene.table(relation).secured:
        return "error", ": row-level security is off"
    seen = len(scene.rows_seen(persona, relation))
    total = scene.observed(persona, relation).rows.total
    if personal:
        return "error" if seen == total else "warning", f", with {', '.join(personal)}"
    if relation.has_places and seen < total:
        return "info", f" ({seen} rows of {total})"
    if of_nobody(scene, relation):
        return "info", ": of those that are there, none does"
    by_organization = scene.observation.ownership.organization_columns(relation)
    return ("warning" if by_organization and not scene.is_boundary(relation) else "info"), ""


def _a(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeio' else 'a'} {noun}"
