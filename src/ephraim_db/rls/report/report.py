"""What a report tells: findings, what differs from the contract, and the matrix."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ephraim_db.rls.contract import Facts, Told, facts_of, tell_differences
from ephraim_db.rls.contract.facts import Access
from ephraim_db.rls.findings import Examined, Finding
from ephraim_db.rls.matrix import Matrix
from ephraim_db.rls.report.places import Place, Places


@dataclass(frozen=True, slots=True)
class Report:
    """One run. `differences` is None if it was compared with no contract.

    `findings` are the worst first; unless they were `searched` for, there may be more. `places`
    knows the project's files.
    """

    matrix: Matrix
    findings: tuple[Finding, ...]
    places: Places
    differences: tuple[Told, ...] | None = None
    searched: bool = True

    @classmethod
    def of(cls, examined: Examined, places: Places, agreed: Facts | None = None) -> Report:
        """Compare with what was `agreed`, if it is given."""
        matrix = examined.matrix
        told = None if agreed is None else tell_differences(agreed, facts_of(matrix))
        return cls(matrix, examined.findings, places, told, examined.searched)

    @property
    def facts(self) -> Facts:
        """Return what was observed, taken apart."""
        return facts_of(self.matrix)

    def place_of(self, told: Told) -> Place:
        """Return the line that a difference is most likely about.

        Where nothing was granted before, that is a grant; else the policy that decides now.
        """
        about = {
            (fact.persona, fact.command)
            for one in told.differences
            if one.before and isinstance(fact := one.fact, Access)
        }
        deciding = {
            cell.decided_by
            for cell in self.matrix.cells
            if cell.decided_by
            and cell.relation == told.relation
            and (cell.persona, cell.command) in about
        }
        names = {name for by in deciding for name in (by, *re.split(" and | or ", by))}
        return self.places.of_difference(told, names)
