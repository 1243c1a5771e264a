"""What is worst comes first, and always in the same order."""

from __future__ import annotations

from itertools import chain

from tests.rls.findings.conftest import EVERYONE
from tests.rls.findings.test_docs import SECTIONS

from ephraim_db.rls import Persona, Personas
from ephraim_db.rls.filling.people import made_user
from ephraim_db.rls.findings import Finding, worst_first
from ephraim_db.rls.findings.finding import Severity
from ephraim_db.rls.findings.ordering import GAINS, TROUBLES

GUEST = Persona("guest", "authenticated", made_user(9), claims={"is_anonymous": True})
PEOPLE = Personas(("public",), "team_id", (GUEST, *EVERYONE.everyone))


def finding(
    rule: str, persona: str = "ann", severity: Severity = "error", relation: str = "public.notes"
) -> Finding:
    return Finding(rule, severity, persona, relation, (), f"{persona} {rule}", "", "")


WORST = (
    finding("anonymous-write", "visitor"),
    finding("anonymous-read", "visitor"),
    finding("outsider-reads", "guest"),
    finding("escalation"),
    finding("secret-readable"),
    finding("cross-boundary-write"),
    finding("cross-boundary-write", relation="public.teams"),
    finding("cross-boundary-read"),
    finding("unique-oracle"),
    finding("a rule of your own"),
    finding("definer-function-reads", "service"),
    finding("policy-fails", "visitor"),
    finding("stale-suppression", ""),
    finding("anonymous-read", "visitor", "warning"),
    finding("cross-boundary-read", severity="info"),
)


def test_the_worst_comes_first() -> None:
    assert worst_first(reversed(WORST), PEOPLE) == WORST
    assert worst_first(WORST, PEOPLE) == WORST


def test_every_rule_has_one_place_in_the_order() -> None:
    placed = [*chain.from_iterable((*GAINS, *TROUBLES))]
    assert sorted(placed) == sorted(SECTIONS)
