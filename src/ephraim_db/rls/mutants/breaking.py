"""Everything that is broken, one thing at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg

from ephraim_db.rls.catalog import read_catalog, read_privileges
from ephraim_db.rls.functions import read_functions
from ephraim_db.rls.mutants.bodies import break_functions
from ephraim_db.rls.mutants.grants import Granted, break_grants
from ephraim_db.rls.mutants.mutant import Mutant
from ephraim_db.rls.mutants.policies import break_policies
from ephraim_db.rls.mutants.reading import read_targets
from ephraim_db.rls.mutants.relations import break_relations
from ephraim_db.rls.mutants.targets import Targets
from ephraim_db.rls.mutants.triggers import break_triggers
from ephraim_db.rls.personas import Personas


def read_mutants(connection: psycopg.Connection[Any], personas: Personas) -> tuple[Mutant, ...]:
    """Return every mutant of a database, of which nothing is changed."""
    with connection.transaction(force_rollback=True):
        catalog = read_catalog(connection)
        roles = [persona.role for persona in personas.everyone]
        granted = read_privileges(connection, roles, catalog.exposed(personas.schemas))
        functions = read_functions(connection, roles)
        targets = read_targets(connection, personas, catalog, functions)
        return tuple(break_everything(targets, granted))


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
