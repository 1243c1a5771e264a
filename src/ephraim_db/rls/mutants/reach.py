"""What a mutant can affect: whatever leans on what it broke, the nearest first.

relation --policies, view, triggers--> functions, relations --bodies--> functions, relations
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from ephraim_db.rls.mutants.mutant import Mutant
from ephraim_db.rls.mutants.targets import Targets


class Reach:
    """Who leans on whom, read once; a function leans on what its text names."""

    def __init__(self, targets: Targets) -> None:
        """Turn round what the catalog says."""
        self._leaning: defaultdict[int, set[int]] = defaultdict(set)
        functions = targets.functions
        by_name: defaultdict[str, set[int]] = defaultdict(set)
        for relation in targets.catalog.relations.values():
            by_name[relation.name].add(relation.oid)
            self._lean(relation.oid, (*relation.reads, *relation.calls))
        for oid, function in functions.by_oid.items():
            by_name[function.name].add(oid)
        for policy in targets.policies:
            self._lean(policy.relation, (*policy.calls, *policy.reads))
        for oid, words in functions.words.items():
            for word in words & by_name.keys():
                self._lean(oid, by_name[word])

    def of(self, mutant: Mutant) -> tuple[int, ...]:
        """Return the oids of what it can affect, exposed or not, the nearest first."""
        found = dict.fromkeys((*mutant.relations, *mutant.functions))
        todo = list(found)
        for oid in todo:
            for leaning in sorted(self._leaning[oid]):
                if leaning not in found:
                    found[leaning] = None
                    todo.append(leaning)
        return tuple(found)

    def _lean(self, oid: int, on: Iterable[int]) -> None:
        for other in on:
            if other != oid:
                self._leaning[other].add(oid)
