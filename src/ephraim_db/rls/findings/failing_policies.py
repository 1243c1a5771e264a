"""policy-fails: a policy raises an error instead of answering, so its rows are out of reach.

42P17  it asks its own table, and so itself      21000  `= (select ...)` found two rows
42501  it reads a table that the role may not
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ephraim_db.rls.catalog import Relation, quote
from ephraim_db.rls.findings.attempting import asked
from ephraim_db.rls.findings.candidates import Candidate, Proof
from ephraim_db.rls.findings.facts import Policy
from ephraim_db.rls.findings.finding import Severity
from ephraim_db.rls.findings.scene import Scene
from ephraim_db.rls.personas import Persona

RULE = "policy-fails"
RECURSION, TWO_ROWS, NO_PRIVILEGE = "42P17", "21000", "42501"
DEFINER = (
    "a function that is `security definer set search_path = pg_catalog, pg_temp`, in a schema the "
    "API does not expose"
)
"""Who looks up for policies what their callers may not."""
MEANING = {
    RECURSION: "policies ask a table that they guard (infinite recursion)",
    TWO_ROWS: "a policy compares with a subquery that found more than one row",
    NO_PRIVILEGE: "a policy reads a table that the role may not read",
}


def find(scene: Scene) -> Iterator[Candidate]:
    """Suspect every SELECT that ended in an error although it is granted."""
    for persona, relation in scene.pairs(scene.clients):
        cells = scene.cells(persona, relation, "SELECT")
        broken = [cell for cell in cells if cell.outcome == "error"]
        if not broken:
            continue
        column = broken[0].columns[0]
        state = broken[0].sqlstate or ""
        if state == NO_PRIVILEGE and not relation.has_places:
            continue  # a view refuses so whom its tables refuse
        yield Candidate(
            RULE,
            severity_of(scene, persona, state),
            persona,
            relation.full_name,
            broken[0].columns,
            f"{persona.name} cannot read {relation.full_name}: "
            f"{MEANING.get(state, 'a policy fails')} (SQLSTATE {state})",
            _fix(scene, persona, relation, state),
            (
                Proof(
                    (
                        asked(
                            f"select count(r.{quote(column)}) as rows_read "
                            f"from {relation.sql} as r",
                            persona,
                        ),
                    ),
                    state,
                ),
            ),
        )


def severity_of(scene: Scene, persona: Persona, state: str) -> Severity:
    """Judge by who is kept out: to who has not signed in, an error may be refusal enough."""
    if state == NO_PRIVILEGE and persona in scene.anonymous:
        return "info"
    return "error" if state in MEANING else "warning"


def _fix(scene: Scene, persona: Persona, relation: Relation, state: str) -> str:
    policies = [p for p in scene.facts.policies if p.relation == relation.oid]
    return fix_lookup(policies, [*_unreadable(scene, persona, policies)], state)


def fix_lookup(policies: Sequence[Policy], unreadable: Sequence[str], state: str) -> str:
    """Return what to write instead, by what went wrong."""
    named = ", ".join(quote(policy.name) for policy in policies) or "the policies"
    if state == TWO_ROWS:
        return f"In {named}, write `in (select ...)` instead of `= (select ...)`."
    if state == NO_PRIVILEGE:
        instead = ", ".join(unreadable) or "what they read"
        return (
            f"Let {named} ask {DEFINER}, instead of {instead}; or, of the user's own token, "
            "(select auth.jwt())."
        )
    return f"Move what {named} look up into {DEFINER}, and compare with (select private.that())."


def _unreadable(scene: Scene, persona: Persona, policies: Sequence[Policy]) -> Iterator[str]:
    catalog = scene.observation.catalog.relations
    for oid in sorted(frozenset().union(*(policy.reads for policy in policies))):
        relation = catalog.get(oid)
        if relation and not scene.reads(persona, oid):
            yield relation.full_name
