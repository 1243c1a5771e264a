"""Everything that is broken, one thing at a time."""

from __future__ import annotations

from collections.abc import Iterator

from ephraim_db.rls.mutants.bodies import break_functions
from ephraim_db.rls.mutants.grants import Granted, break_grants
from ephraim_db.rls.mutants.mutant import Mutant
from ephraim_db.rls.mutants.policies import break_policies
from ephraim_db.rls.mutants.reading import Targets
from ephraim_db.rls.mutants.relations import break_relations
from ephraim_db.rls.mutants.triggers import break_triggers


def break_everything(targets: Targets, granted: Granted) -> Iterator[Mutant]:
    """Yield every mutant, none of them twice."""
    seen: set[str] = set()
    for mutants in (
        break_relations(targets),
        break_policies(targets),
        break_functions(targets),
        break_triggers(targets),
        break_grants(targets, granted),
    ):
        for mutant in mutants:
            if mutant.sql not in seen:
                seen.add(mutant.sql)
                yield mutant
