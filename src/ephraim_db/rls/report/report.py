"""What a report tells: findings, what differs from the contract, and the matrix."""

from __future__ import annotations

from dataclasses import dataclass

from ephraim_db.rls.contract import Facts, Told, facts_of, tell_differences
from ephraim_db.rls.findings import Finding
from ephraim_db.rls.matrix import Matrix
from ephraim_db.rls.report.places import Places


@dataclass(frozen=True, slots=True)
class Report:
    """One run. `differences` is None if it was compared with no contract.

    `findings` are the worst first. `facts` are those observed. `places` knows the project's files.
    """

    matrix: Matrix
    findings: tuple[Finding, ...]
    places: Places
    facts: Facts
    differences: tuple[Told, ...] | None = None

    @classmethod
    def of(
        cls,
        matrix: Matrix,
        findings: tuple[Finding, ...],
        places: Places,
        agreed: Facts | None = None,
    ) -> Report:
        """Compare with what was `agreed`, if it is given."""
        facts = facts_of(matrix)
        told = None if agreed is None else tell_differences(agreed, facts)
        return cls(matrix, findings, places, facts, told)
