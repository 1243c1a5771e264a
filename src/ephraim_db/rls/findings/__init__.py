"""What the observed matrix shows that should worry somebody, each with SQL that shows it again.

Observation + Matrix -> scene -> rules (one a file) -> candidates -> proofs carried out -> Finding
"""

from ephraim_db.rls.findings.examining import Examined, examine, find_findings
from ephraim_db.rls.findings.finding import Finding, Severity, at_least
from ephraim_db.rls.findings.ordering import worst_first
from ephraim_db.rls.findings.suppressing import STALE

__all__ = [
    "STALE",
    "Examined",
    "Finding",
    "Severity",
    "at_least",
    "examine",
    "find_findings",
    "worst_first",
]
