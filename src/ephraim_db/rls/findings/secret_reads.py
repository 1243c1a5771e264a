"""secret-readable: somebody reads a column that holds a secret."""

from __future__ import annotations

from collections.abc import Iterator

from ephraim_db.rls.catalog import Relation, quote
from ephraim_db.rls.findings.attempting import asked
from ephraim_db.rls.findings.candidates import Candidate, Proof
from ephraim_db.rls.findings.finding import Severity
from ephraim_db.rls.findings.fixing import narrow_grant
from ephraim_db.rls.findings.scene import Scene
from ephraim_db.rls.findings.secret_columns import Secret, find_secrets
from ephraim_db.rls.matrix import Scope
from ephraim_db.rls.personas import Persona

RULE = "secret-readable"
WHOSE = {"own": "its own", "organization": "its organization's", "all": "everybody's"}


def find(scene: Scene) -> Iterator[Candidate]:
    """Suspect every secret column that a client reads, but for one's own where nobody says no."""
    for secret in find_secrets(scene):
        relation, column = secret.relation, secret.column.name
        for persona in scene.clients if relation in scene.relations else ():
            for cell in scene.allowed(persona, relation, "SELECT"):
                scope = _scope(scene, persona, relation, cell.scope)
                severity = _severity(scene, persona, secret, scope)
                if column not in cell.columns or severity is None:
                    continue
                yield Candidate(
                    RULE,
                    severity,
                    persona,
                    relation.full_name,
                    (column,),
                    f"{persona.name} reads {WHOSE[scope]} {column} in {relation.full_name}",
                    narrow_grant(scene, persona, relation, "select", column),
                    (
                        Proof((
                            asked(
                                f"select count(*) as secrets_read from "
                                f"(select r.{quote(column)} from {relation.sql} as r) as q",
                                persona,
                            ),
                        )),
                    ),
                )  # fmt: skip


def _scope(scene: Scene, persona: Persona, relation: Relation, scope: Scope) -> Scope:
    """Return whose it is to who is a member elsewhere, too: everybody's, if others read all."""
    if persona.name not in scene.also_elsewhere or scope != "all":
        return scope
    of_one = (c for p in scene.judged_members for c in scene.allowed(p, relation, "SELECT"))
    return scope if any(cell.scope == "all" for cell in of_one) else "organization"


def _severity(scene: Scene, persona: Persona, secret: Secret, scope: Scope) -> Severity | None:
    """Judge by who reads whose, and by the name: one's own key may be shown to oneself."""
    if secret.declared:
        return "error"
    if scope == "own":
        return None
    if persona in scene.anonymous or scope == "all":
        return "error" if secret.sure and scene.belongs_to(secret.relation) else "warning"
    return "warning" if secret.sure else "info"
