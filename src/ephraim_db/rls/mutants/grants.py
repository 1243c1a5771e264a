"""Mutants of grants: one too many, for a table or a column, or a revoke that was left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from ephraim_db.rls.calls import UNCALLABLE
from ephraim_db.rls.catalog import Privileges, Relation, quote
from ephraim_db.rls.mutants.mutant import Mutant
from ephraim_db.rls.mutants.targets import FunctionText, Targets
from ephraim_db.rls.mutants.triggers import refuses_always

Granted = Mapping[tuple[str, int], Privileges]
"""By role and relation."""


def break_grants(targets: Targets, granted: Granted) -> Iterator[Mutant]:
    """Yield grants to the personas' roles that are not there; of columns, where some are."""
    yield from _break_tables(targets, granted)
    yield from _break_functions(targets)
    yield from _break_sequences(targets)


def _break_functions(targets: Targets) -> Iterator[Mutant]:
    """Yield grants to call what the API exposes: to each role, and, as by default, to public."""
    for oid, text in targets.definitions.items():
        function = targets.functions.by_oid[oid]
        if function.schema not in targets.personas.schemas or function.returns in UNCALLABLE:
            continue
        for role in sorted(targets.persona_roles - function.executors):
            yield _execute(targets, "add an execute grant", text, role)
        if not text.is_public:
            yield _execute(targets, "drop a revoke", text, "public")


def _execute(targets: Targets, operator: str, text: FunctionText, role: str) -> Mutant:
    grantee = role if role == "public" else quote(role)
    return Mutant(
        operator,
        f"grants on function {text.signature}",
        f"{role} may execute",
        f"grant execute on function {text.signature} to {grantee}",
        functions=(text.oid,),
        roles=None if role == "public" else targets.acting_as([role]),
        wanted="arguments to call it with",
        grants=True,
    )


def _break_sequences(targets: Targets) -> Iterator[Mutant]:
    for sequence in targets.sequences:
        for role in sequence.missing:
            yield Mutant(
                "drop a revoke" if role in sequence.would_have else "add a sequence grant",
                f"grants on sequence {sequence.name}",
                f"{role} may use",
                f"grant usage on sequence {sequence.name} to {quote(role)}",
                sequences=(sequence.oid,),
                roles=targets.acting_as([role]),
                wanted=f"a persona that acts as {role}",
                grants=True,
            )


def _break_tables(targets: Targets, granted: Granted) -> Iterator[Mutant]:
    relations = {relation.oid: relation for relation in targets.exposed}
    for missing in targets.missing:
        relation, role = relations[missing.relation], missing.role
        possible = [word for word in missing.missing if _takes(relation, word)]
        for word in possible:
            have = granted.get((role, relation.oid), Privileges())
            columns = _columns(relation, have, word)
            whole = _grant(targets, "add a table grant", relation, role, word)
            refusing = _refusing(targets, relation, word)
            if refusing:
                yield replace(whole, equivalent=f"trigger {refusing} refuses it to everybody")
            elif columns == []:
                yield replace(whole, equivalent="every column of it is granted already")
            else:
                yield whole
            for column in columns or ():
                yield _grant(
                    targets, "add a column grant", relation, role, f"{word} ({quote(column)})"
                )
        revoked = [word for word in missing.revoked if word in possible]
        if len(revoked) > 1:
            yield _grant(targets, "drop a revoke", relation, role, ", ".join(revoked))


def _refusing(targets: Targets, relation: Relation, word: str) -> str | None:
    """Return the trigger that refuses every TRUNCATE."""
    for trigger in targets.triggers:
        mine = trigger.relation == relation.oid and word in trigger.events
        if word == "truncate" and mine and refuses_always(targets, trigger):
            return trigger.name
    return None


def _takes(relation: Relation, word: str) -> bool:
    return word.upper() in relation.commands or (word == "truncate" and relation.has_places)


def _columns(relation: Relation, have: Privileges, word: str) -> list[str] | None:
    """Return the columns that were left out where others were granted; None: none were."""
    held = {"select": have.select, "insert": have.insert, "update": have.update}.get(word)
    if not held:
        return None
    return [
        column.name
        for column in relation.columns
        if column.name not in held and (word == "select" or column.written)
    ]


def _grant(targets: Targets, operator: str, relation: Relation, role: str, what: str) -> Mutant:
    return Mutant(
        operator,
        f"grants on {relation.full_name}",
        f"{role} may {what.replace(chr(34), '')}",
        f"grant {what} on {relation.sql} to {quote(role)}",
        (relation.oid,),
        roles=targets.acting_as([role]),
        wanted=f"a row to {what.split()[0]} here",
        grants=True,
    )
