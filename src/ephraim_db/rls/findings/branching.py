"""Attempts as a tree: what several begin with, as the prober, is done once for all of them.

a b c          a b -- c
a b d   -->          \\- d
e              e
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ephraim_db.rls.findings.attempting import Attempt, Step


@dataclass(frozen=True, slots=True)
class Branch:
    """Steps, and what goes on from where they lead; or the attempts, by number, that end there."""

    steps: Attempt
    then: tuple[Branch, ...] = ()
    ending: tuple[int, ...] = ()

    def told(self, answer: Mapping[str, Any]) -> Iterator[tuple[int, list[Any]]]:
        """Yield what each attempt was told, given what each branch was: {"told", "then"}.

        Where a branch broke off, that is all there is for whatever goes on from it.
        """
        mine = [*zip(*answer["told"], strict=True)]
        for number in () if answer["then"] else self._endings():
            yield number, mine
        for branch, one in zip(self.then, answer["then"], strict=False):
            for number, told in branch.told(one):
                yield number, [*mine, *told]

    def _endings(self) -> Iterator[int]:
        yield from self.ending
        for branch in self.then:
            yield from branch._endings()


def branch_out(attempts: Sequence[Attempt]) -> tuple[Branch, ...]:
    """Return the attempts as a tree."""
    return tuple(_branches(attempts, range(len(attempts)), 0))


def _branches(attempts: Sequence[Attempt], numbers: Sequence[int], at: int) -> Iterator[Branch]:
    alike: dict[Step | int, list[int]] = {}
    for number in numbers:
        alike.setdefault(_shared(attempts[number], at) or number, []).append(number)
    for group in alike.values():
        first = attempts[group[0]]
        if len(group) == 1:
            yield Branch(first[at:], ending=(group[0],))
            continue
        end = at + 1
        while (step := _shared(first, end)) and all(
            _shared(attempts[n], end) == step for n in group
        ):
            end += 1
        yield Branch(first[at:end], tuple(_branches(attempts, group, end)))


def _shared(attempt: Attempt, at: int) -> Step | None:
    """Return the step if it prepares something: then it comes to the same for everybody."""
    step = attempt[at] if at < len(attempt) else None
    return step if step and step.persona is None and not step.asks else None
