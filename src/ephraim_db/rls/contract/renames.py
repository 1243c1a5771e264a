"""What only got another name: a column, relation or persona that is gone, and one with its facts.

It counts as renamed if exactly one new name has exactly the facts of exactly one old one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from ephraim_db.rls.contract.facts import WHOLE, Access, Actor, Fact, Facts, Thing


@dataclass(frozen=True, slots=True)
class Rename:
    """`new` has taken the place of `old`; `relation` is where, if they are columns."""

    what: Literal["persona", "relation", "column"]
    old: str
    new: str
    relation: str = ""

    def apply(self, fact: Fact) -> Fact:
        """Return the fact under the new name."""
        is_about = _NAMES[self.what](fact) == self.old
        is_here = not self.relation or _relation(fact) == self.relation
        return _named(fact, self.what, self.new) if is_about and is_here else fact


def follow_renames(agreed: Facts, observed: Facts) -> tuple[tuple[Rename, ...], Facts]:
    """Return what was renamed, and what was agreed under the new names."""
    followed: list[Rename] = []
    for find in (_relations, _personas, _columns):
        renames = list(find(agreed, observed))
        for rename in renames:
            agreed = frozenset(map(rename.apply, agreed))
        followed += renames
    return tuple(followed), agreed


def _relations(agreed: Facts, observed: Facts) -> Iterator[Rename]:
    for old, new in _same("relation", agreed, observed):
        yield Rename("relation", old, new)


def _personas(agreed: Facts, observed: Facts) -> Iterator[Rename]:
    for old, new in _same("persona", agreed, observed):
        yield Rename("persona", old, new)


def _columns(agreed: Facts, observed: Facts) -> Iterator[Rename]:
    before, after = _by(agreed, "relation"), _by(observed, "relation")
    for relation in sorted(before.keys() & after.keys()):
        if before[relation] != after[relation]:
            for old, new in _same("column", before[relation], after[relation]):
                yield Rename("column", old, new, relation)


def _persona(fact: Fact) -> str | None:
    return None if isinstance(fact, Thing) else fact.persona


def _relation(fact: Fact) -> str | None:
    return None if isinstance(fact, Actor) else fact.relation


def _column(fact: Fact) -> str | None:
    return fact.column if isinstance(fact, Access) and fact.column != WHOLE else None


_NAMES: dict[str, Callable[[Fact], str | None]] = {
    "persona": _persona,
    "relation": _relation,
    "column": _column,
}


def _named(fact: Fact, what: str, name: str) -> Fact:
    changes: dict[str, Any] = {what: name}
    return replace(fact, **changes)


def _by(facts: Facts, what: str) -> dict[str, Facts]:
    """Return the facts about each name."""
    found: dict[str, set[Fact]] = {}
    for fact in facts:
        name = _NAMES[what](fact)
        if name is not None:
            found.setdefault(name, set()).add(fact)
    return {name: frozenset(about) for name, about in found.items()}


def _same(what: str, agreed: Facts, observed: Facts) -> Iterator[tuple[str, str]]:
    before, after = _by(agreed, what), _by(observed, what)
    gone = _nameless(what, before, after)
    new = _nameless(what, after, before)
    for facts, names in sorted(gone.items(), key=lambda item: item[1]):
        candidates = new.get(facts, [])
        if len(names) == len(candidates) == 1:
            yield names[0], candidates[0]


def _nameless(
    what: str, these: dict[str, Facts], those: dict[str, Facts]
) -> dict[Facts, list[str]]:
    """Return the names that only `these` have, by their facts with the name left out."""
    found: dict[Facts, list[str]] = {}
    for name in sorted(these.keys() - those.keys()):
        facts = frozenset(_named(fact, what, "") for fact in these[name])
        found.setdefault(facts, []).append(name)
    return found
