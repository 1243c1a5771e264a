"""What to suggest: the SQL where it is known, the policy to look at where it is not."""

from __future__ import annotations

import re

from ephraim_db.rls.catalog import Relation, quote
from ephraim_db.rls.findings.scene import Scene
from ephraim_db.rls.functions import Function
from ephraim_db.rls.personas import Persona
from ephraim_db.rls.probes import Command


def fix_policy(
    scene: Scene, persona: Persona, relation: Relation, command: Command, should: str
) -> str:
    """Return how to keep rows of others from a command; `should` is what a policy must do."""
    if relation.kind == "view":
        return f"alter view {relation.sql} set (security_invoker = true);"
    if relation.kind in ("materialized", "foreign"):
        return f"revoke {command.lower()} on {relation.sql} from {quote(persona.role)};"
    if not scene.table(relation).secured:
        return f"alter table {relation.sql} enable row level security;"
    names = [quote(name) for name in _deciding(scene, persona, relation, command)]
    noun = "policies" if len(names) > 1 else "policy"
    where = f"In {noun} {', '.join(names)} on" if names else "On"
    return f"{where} {relation.full_name}, {should}."


def _deciding(scene: Scene, persona: Persona, relation: Relation, command: Command) -> list[str]:
    """Return the policies that were seen to let it pass furthest; else all that could have."""
    policies = [p.name for p in scene.facts.deciding(relation, command, persona.role)]
    decided = next((c.decided_by for c in scene.allowed(persona, relation, command)), None) or ""
    seen = {decided, *re.split(" and | or ", decided)}
    return [name for name in policies if name in seen] or policies


def compare_columns(columns: tuple[str, ...], noun: str) -> str:
    """Return the advice to compare a column with what the caller is or belongs to."""
    named = " or ".join(columns) if columns else "the row"
    return f"compare {named} with the caller's own {noun}"


def narrow_grant(
    scene: Scene, persona: Persona, relation: Relation, privilege: str, column: str
) -> str:
    """Return the SQL that takes a privilege on one column away.

    A revoke of one column does nothing under a grant of the whole table, so the rest is granted.
    """
    granted = scene.privileges(persona, relation)
    had = granted.select if privilege == "select" else granted.update
    left = [quote(c) for c in relation.column_names if c in had and c != column]
    role = quote(persona.role)
    revoke = f"revoke {privilege} on {relation.sql} from {role}, public;"
    return f"{revoke} grant {privilege} ({', '.join(left)}) on {relation.sql} to {role};"


def fix_function(persona: Persona, function: Function) -> str:
    """Return the SQL that closes a function to the persona; PUBLIC may execute it by default."""
    arguments = f"{function.sql}({', '.join(function.argument_types)})"
    return (
        f"revoke execute on function {arguments} from public, {quote(persona.role)};"
        if not persona.sub
        else f"Let {function.full_name} check that the caller belongs to the rows it is asked for."
    )
