"""What a report comes to, in one sentence, and what its parts are called in every form."""

from __future__ import annotations

from collections import Counter

from ephraim_db.rls.contract import Change
from ephraim_db.rls.findings.finding import SEVERITIES
from ephraim_db.rls.report.findings import NOUNS, count, fold
from ephraim_db.rls.report.report import Report

HEADINGS = {
    Change.WIDER: "May do more than agreed",
    Change.UNKNOWN: "No longer proven",
    Change.NARROWER: "May do less than agreed",
    Change.OTHER: "Otherwise not as agreed",
}


def verdict(report: Report) -> str:
    """Return it, the worst first: 2 errors, 1 note; 3 differences from the contract."""
    counts = Counter(finding.severity for finding, _ in fold(report.findings))
    found = [count(counts[s], NOUNS[s]) for s in SEVERITIES if counts[s]]
    none = "no findings" if report.searched else "findings not searched for"
    parts = [", ".join(found) or none]
    if report.differences is not None:
        number = len(report.differences)
        parts.append(f"{count(number, 'difference')} from the contract" if number else "as agreed")
    said = "; ".join(parts)
    return said[0].upper() + said[1:]
