"""The order in which findings are told: by severity, by who can do it, by what they can do.

error > warning > info
    > anybody > who signed up alone > members > the service; nobody has to do anything: anybody
    > becoming more > secrets > writes > reads > oracles
after those of a severity: what is broken for the rightful user, what is slow, stale suppressions
"""

from __future__ import annotations

from collections.abc import Iterable

from ephraim_db.rls.findings.finding import SEVERITIES, Finding
from ephraim_db.rls.personas import Persona, Personas
from ephraim_db.rls.prober import MAY_BYPASS

GAINS: tuple[tuple[str, ...], ...] = (
    ("escalation", "self-made-claims", "caller-settable", "cached-identity", "setting-stays"),
    ("secret-readable", "secret-exposed", "secret-published", "secret-in-error"),
    (
        "cross-boundary-write",
        "row-moved-out",
        "anonymous-write",
        "outsider-writes",
        "others-rows-written",
        "definer-function-writes",
        "ownerless-rows",
        "cascade-crosses-boundary",
        "cross-boundary-reference",
    ),
    (
        "cross-boundary-read",
        "anonymous-read",
        "outsider-reads",
        "definer-function-reads",
        "soft-deleted-reachable",
        "leaky-view",
    ),
    ("unique-oracle", "planner-estimate"),
)
"""What lets somebody do something, the worst first."""
TROUBLES: tuple[tuple[str, ...], ...] = (
    (
        "policy-fails",
        "policy-sees-nothing",
        "second-membership-fails",
        "insert-returning-fails",
        "soft-delete-fails",
        "write-reaches-nothing",
    ),
    ("policy-per-row",),
    ("stale-suppression",),
)
"""What lets nobody do anything."""
_PLACES = {
    rule: (number >= len(GAINS), number, place)
    for number, rules in enumerate((*GAINS, *TROUBLES))
    for place, rule in enumerate(rules)
}
_UNKNOWN = (False, len(GAINS), 0)


def worst_first(findings: Iterable[Finding], personas: Personas) -> tuple[Finding, ...]:
    """Return the findings, the worst on top, in an order that does not change between runs."""
    who = {persona.name: _nearness(persona) for persona in personas.everyone}

    def key(finding: Finding) -> tuple[object, ...]:
        is_trouble, kind, place = _PLACES.get(finding.rule, _UNKNOWN)
        severity, near = SEVERITIES.index(finding.severity), who.get(finding.persona, 0)
        about = finding.relation, finding.message, finding.columns, finding.persona
        return severity, is_trouble, near, kind, place, about

    return tuple(sorted(findings, key=key))


def _nearness(persona: Persona) -> int:
    """Return how little it takes to be that persona: 0 for nothing."""
    if persona.role in MAY_BYPASS:
        return 3
    if not persona.sub and not persona.organization and "anon" in persona.role:
        return 0
    return 1 if persona.claims.get("is_anonymous") else 2
