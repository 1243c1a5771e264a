"""What the judgements come to: a score, and what to look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ephraim_db.rls.mutants.judging import Judgement, Result
from ephraim_db.rls.unnoticed import Unnoticed


@dataclass(frozen=True, slots=True)
class Score:
    """All judgements, and the entries of rls.toml that accept nothing any more."""

    judgements: tuple[Judgement, ...]
    stale: tuple[Unnoticed, ...]

    @classmethod
    def of(cls, judgements: Sequence[Judgement], unnoticed: Sequence[Unnoticed]) -> Score:
        """Count, and see which entries were of no use."""
        used = [one.mutant.title for one in judgements if one.result in ("accepted", "left")]
        stale = (u for u in unnoticed if not any(u.holds_for(title) for title in used))
        return cls(tuple(judgements), tuple(stale))

    def with_result(self, result: Result) -> tuple[Judgement, ...]:
        """Return the judgements that came out so, in their order."""
        return tuple(one for one in self.judgements if one.result == result)

    @property
    def percent(self) -> float:
        """Return how many of a hundred were killed, of those that could and should be."""
        killed, survived = (len(self.with_result(r)) for r in ("killed", "survived"))
        return 100 * killed / (killed + survived) if killed + survived else 100.0
