"""What is left alone, because trying it would reach outside the database.

foreign table, or a view or partitioned table made of one      not even read
view that calls a function which reaches outside                not even read
table with a trigger that reaches outside before the commit     not written to
"""

from __future__ import annotations

from ephraim_db.rls.catalog import Catalog, Relation
from ephraim_db.rls.functions import Functions
from ephraim_db.rls.probes import COMMANDS, Command

Untried = dict[Command, str]
"""Why a command is not tried."""


def leave_untried(catalog: Catalog, functions: Functions, relation: Relation) -> Untried:
    """Return the commands on a relation that are not tried, each with the reason."""
    reason = _reading_reaches(catalog, functions, relation, set())
    if reason:
        return dict.fromkeys(COMMANDS, reason)
    found = functions.way_out(relation.calls, at_once=True)
    if not found:
        return {}
    told = f"a trigger of it reaches outside the database ({found}): not tried"
    return {command: told for command in COMMANDS if command != "SELECT"}


def _reading_reaches(
    catalog: Catalog, functions: Functions, relation: Relation, seen: set[int]
) -> str | None:
    if relation.oid in seen:
        return None
    seen.add(relation.oid)
    if relation.kind == "foreign":
        return f"{relation.full_name} is a foreign table, which lies outside: not tried"
    found = functions.way_out(relation.calls) if relation.kind == "view" else None
    if found:
        return f"{relation.full_name} reaches outside the database ({found}): not tried"
    made_of = (catalog.relations[oid] for oid in relation.reads if oid in catalog.relations)
    for part in made_of:
        if relation.kind != "materialized":
            reason = _reading_reaches(catalog, functions, part, seen)
            if reason:
                return reason
    return None
