"""What was agreed beside what is so now: each fact that differs, with what it was and what it is.

agreed, observed --compare--> Difference (before, after) --telling--> sentences
"""

from __future__ import annotations

from dataclasses import dataclass

from ephraim_db.rls.contract.facts import Fact, Facts, in_order, topic


@dataclass(frozen=True, slots=True)
class Difference:
    """One fact: as agreed, None if nothing was; as observed, None if it is gone."""

    before: Fact | None
    after: Fact | None

    @property
    def fact(self) -> Fact:
        """Return the fact, as it is now if it is there."""
        fact = self.after or self.before
        assert fact is not None
        return fact


def compare(agreed: Facts, observed: Facts) -> tuple[Difference, ...]:
    """Return every difference, in the order of the contract; none if they are the same."""
    before = {topic(fact): fact for fact in agreed - observed}
    after = {topic(fact): fact for fact in observed - agreed}
    return tuple(
        Difference(before.get(about), after.get(about))
        for about in in_order(frozenset(before.keys() | after.keys()))
    )
