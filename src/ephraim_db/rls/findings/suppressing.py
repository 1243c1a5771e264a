"""Leave out what a team accepts, and say so when what it accepted is no longer there.

findings + suppressions --> findings, less those accepted, plus stale-suppression for each that
                            matched none
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ephraim_db.rls.findings.finding import Finding
from ephraim_db.rls.suppressions import Suppression

STALE = "stale-suppression"


def suppress(
    findings: Iterable[Finding], suppressions: Sequence[Suppression], left_out: str = ""
) -> Iterator[Finding]:
    """Yield the findings that no suppression accepts, and one for each that accepts none.

    Nothing is said of suppressions of a rule that was `left_out` of this run.
    """
    used: set[Suppression] = set()
    for finding in findings:
        accepting = [s for s in suppressions if _accepts(s, finding)]
        used.update(accepting)
        if not accepting:
            yield finding
    for suppression in suppressions:
        if suppression not in used and suppression.rule != left_out:
            yield _stale(suppression)


def _accepts(suppression: Suppression, finding: Finding) -> bool:
    return (
        suppression.rule == finding.rule
        and suppression.persona in ("", finding.persona)
        and suppression.relation in ("", finding.relation)
    )


def _stale(suppression: Suppression) -> Finding:
    parts = (suppression.rule, suppression.persona, suppression.relation)
    about = ", ".join(part for part in parts if part)
    return Finding(
        STALE,
        "error",
        suppression.persona,
        suppression.relation,
        (),
        f'no finding is left that the suppression "{about}" accepts: it would hide the next one',
        f"-- nothing to run: {suppression.rule} was not found\nbegin;\nrollback;\n",
        "Remove it from rls.toml.",
    )
