"""Mutants of triggers: one that guards is gone.

A trigger guards if it may refuse a row, skip it, or put back a value that was changed. What only
writes something down, or fills something in, is not about access.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from pglast import parse_plpgsql
from pglast.parser import ParseError

from ephraim_db.rls.catalog import quote
from ephraim_db.rls.mutants.mutant import Mutant
from ephraim_db.rls.mutants.proving import same_trigger
from ephraim_db.rls.mutants.targets import Targets, Trigger

ERROR = 21
"""elog's level, from which on a RAISE ends the statement."""
FILLS_IN = {"autoinc", "insert_username", "moddatetime", "tsvector_update_trigger"}
"""Functions of Postgres and of its extensions that set a column, and refuse nothing."""
_PUTS_BACK = re.compile(r"^\s*new\.(\w+)\s*:?=\s*old\.\1\s*$", re.IGNORECASE)


def break_triggers(targets: Targets) -> Iterator[Mutant]:
    """Yield a mutant for each guarding trigger of the exposed relations."""
    relations = {relation.oid: relation for relation in targets.exposed}
    for trigger in targets.triggers:
        if guards(targets, trigger):
            relation = relations[trigger.relation]
            yield Mutant(
                "drop a trigger",
                f"trigger {trigger.name} on {relation.full_name}",
                "is gone",
                f"drop trigger {quote(trigger.name)} on {relation.sql}",
                (relation.oid,),
                wanted=f"a row, or a value, that {trigger.function_name} refuses "
                "and everything else lets pass",
                equivalent=same_trigger(targets, trigger),
            )


def guards(targets: Targets, trigger: Trigger) -> bool:
    """Return whether a trigger may keep somebody from something; true if that cannot be told."""
    called = targets.functions.called([trigger.function])
    definitions = [targets.definitions[oid].definition for oid in called & set(targets.definitions)]
    if trigger.function not in targets.definitions:
        return trigger.function_name.rpartition(".")[2] not in FILLS_IN
    return any(_may_refuse(text, trigger) for text in definitions)


def refuses_always(targets: Targets, trigger: Trigger) -> bool:
    """Return whether a trigger refuses whatever fires it: the first thing it does is to raise."""
    function = targets.definitions.get(trigger.function)
    if function is None or "language plpgsql" not in function.definition.lower():
        return False
    try:
        tree = parse_plpgsql(function.definition)
    except (ParseError, json.JSONDecodeError):
        return False
    first = next((s for s in _statements(tree) if s[0] != "PLpgSQL_stmt_block"), None)
    return first is not None and _refuses(*first, trigger) and first[0] == "PLpgSQL_stmt_raise"


def _may_refuse(definition: str, trigger: Trigger) -> bool:
    if "language plpgsql" not in definition.lower():
        return False
    try:
        tree = parse_plpgsql(definition)
    except (ParseError, json.JSONDecodeError):
        return True
    return any(_refuses(kind, fields, trigger) for kind, fields in _statements(tree))


def _refuses(kind: str, fields: dict[str, Any], trigger: Trigger) -> bool:
    match kind:
        case "PLpgSQL_stmt_raise":
            return int(fields.get("elog_level", ERROR)) >= ERROR
        case "PLpgSQL_stmt_assign":
            return bool(_PUTS_BACK.match(_query(fields)))
        case "PLpgSQL_stmt_return":
            skips = _query(fields).strip().lower() in ("null", "old")
            return skips and trigger.is_before and trigger.is_for_rows
    return False


def _query(fields: dict[str, Any]) -> str:
    expression = fields.get("expr", {}).get("PLpgSQL_expr", {})
    return str(expression.get("query", ""))


def _statements(node: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(node, list):
        for item in node:
            yield from _statements(item)
    elif isinstance(node, dict):
        for name, value in node.items():
            if name.startswith("PLpgSQL_stmt_") and isinstance(value, dict):
                yield name, value
            yield from _statements(value)
