"""Mutants of grants: one too many, for a table or a column, or a revoke that was left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from ephraim_db.rls.catalog import Privileges, Relation, quote
from ephraim_db.rls.mutants.mutant import Mutant
from ephraim_db.rls.mutants.reading import Targets

Granted = Mapping[tuple[str, int], Privileges]
"""By role and relation."""


def break_grants(targets: Targets, granted: Granted) -> Iterator[Mutant]:
    """Yield grants to the personas' roles that are not there; of columns, where some are."""
    relations = {relation.oid: relation for relation in targets.exposed}
    for missing in targets.missing:
        relation, role = relations[missing.relation], missing.role
        possible = [word for word in missing.missing if word.upper() in relation.commands]
        for word in possible:
            have = granted.get((role, relation.oid), Privileges())
            columns = _columns(relation, have, word)
            whole = _grant(targets, "add a table grant", relation, role, word)
            if columns == []:
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
