"""Which relations are doors: what stands in them decides what policies let somebody do.

policy --reads, or calls functions that name--> door <--written by a trigger of-- another door
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from ephraim_db.rls.catalog import Relation
from ephraim_db.rls.findings.calling import worth_calling
from ephraim_db.rls.findings.facts import Policy
from ephraim_db.rls.findings.scene import Scene

WORDS = re.compile(r"'([a-z][a-z_]{2,19})'", re.IGNORECASE)
MOST_WORDS = 8
MOST_ALIKE = 1


@dataclass(frozen=True)
class Doors:
    """The doors of one scene."""

    scene: Scene

    @cached_property
    def relations(self) -> tuple[Relation, ...]:
        """Return the doors among the exposed tables."""
        return tuple(
            relation
            for relation in self.scene.relations
            if relation.has_places
            and (relation.oid in self._deciding or relation.oid in self._opened_by_trigger)
        )

    def guarded_by(self, door: Relation) -> Iterator[Relation]:
        """Yield the relations whose policies look at a door, or at one that its triggers open.

        Of those whose policies look at the same things, a few stand for all.
        """
        wanted = {
            door.oid,
            *self.scene.facts.named_in(
                self.scene.facts.called(self.scene.table(door).trigger_functions),
                self.relations,
            ),
        }
        like: dict[frozenset[int], int] = {}
        for relation in self.scene.relations:
            looks_at = self._read_by.get(relation.oid, frozenset())
            if relation.has_places and looks_at & wanted:
                calls = frozenset(
                    oid
                    for policy in self.scene.facts.policies
                    if policy.relation == relation.oid
                    for oid in policy.calls | policy.reads
                )
                like[calls] = like.get(calls, 0) + 1
                if like[calls] <= MOST_ALIKE:
                    yield relation

    def looking_at(self, word: str) -> Iterator[Relation]:
        """Yield the relations whose policies, or the functions they call, contain a word."""
        for relation in self.scene.relations:
            policies = [p for p in self.scene.facts.policies if p.relation == relation.oid]
            called = self.scene.facts.called(oid for policy in policies for oid in policy.calls)
            texts = [f"{p.condition} {p.check_condition}" for p in policies]
            texts += [self.scene.facts.functions[oid].source for oid in called]
            if any(word in text for text in texts):
                yield relation

    def matters(self, door: Relation, column: str) -> bool:
        """Return whether anything that decides names the column at all."""
        triggers = self.scene.facts.called(self.scene.table(door).trigger_functions)
        return column in self._names or (
            door.oid in self._opened_by_trigger
            and any(column in self.scene.facts.functions[oid].source for oid in triggers)
        )

    @cached_property
    def words(self) -> tuple[str, ...]:
        """Return the words that policies and functions compare with: 'admin', 'owner'."""
        return tuple(dict.fromkeys(WORDS.findall(f"{self.text} {self._asked}")))[:MOST_WORDS]

    @cached_property
    def _names(self) -> frozenset[str]:
        return frozenset(re.findall(r"\w+", f"{self.text} {self._asked}"))

    @cached_property
    def _asked(self) -> str:
        """Return the text of the functions that step past policies and look at what these do."""
        functions = {f.oid for p in self.scene.clients for f in worth_calling(self.scene, p)}
        return " ".join(
            self.scene.facts.functions[oid].source
            for oid in sorted(functions)
            if self.scene.facts.named_in([oid], self.scene.relations) & self._deciding
        )

    @cached_property
    def text(self) -> str:
        """Return all that decides: the policies, and the functions they call."""
        texts = [f"{p.condition} {p.check_condition}" for p in self.scene.facts.policies]
        called = self.scene.facts.called(
            oid for policy in self.scene.facts.policies for oid in policy.calls
        )
        texts += [self.scene.facts.functions[oid].source for oid in sorted(called)]
        return " ".join(texts)

    @cached_property
    def _read_by(self) -> dict[int, frozenset[int]]:
        """Return, by relation, what its policies look at."""
        found: dict[int, frozenset[int]] = {}
        for policy in self.scene.facts.policies:
            found[policy.relation] = found.get(policy.relation, frozenset()) | self._reads(policy)
        return found

    def _reads(self, policy: Policy) -> frozenset[int]:
        named = self.scene.facts.named_in(
            self.scene.facts.called(policy.calls), self.scene.observation.catalog.relations.values()
        )
        return policy.reads | named

    @cached_property
    def _deciding(self) -> frozenset[int]:
        return frozenset().union(*self._read_by.values())

    @cached_property
    def _opened_by_trigger(self) -> frozenset[int]:
        """Return the relations of which a trigger names something that decides."""
        facts = self.scene.facts
        return frozenset(
            relation.oid
            for relation in self.scene.relations
            if facts.named_in(
                facts.called(self.scene.table(relation).trigger_functions), self.scene.relations
            )
            & self._deciding
        )
