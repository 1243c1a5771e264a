"""Mutants of relations: row security off, a view that no longer runs as whoever asks."""

from __future__ import annotations

from collections.abc import Iterator

from ephraim_db.rls.mutants.mutant import Mutant
from ephraim_db.rls.mutants.proving import same_without_rls
from ephraim_db.rls.mutants.targets import Targets


def break_relations(targets: Targets) -> Iterator[Mutant]:
    """Yield a mutant for each table with row security, and each view with security_invoker."""
    for relation in targets.exposed:
        if relation.policies is not None:
            yield Mutant(
                "disable RLS",
                f"{relation.kind} {relation.full_name}",
                "has no row security",
                f"alter table {relation.sql} disable row level security",
                (relation.oid,),
                wanted="a persona that is granted something here, and a row that it may not reach",
                equivalent=same_without_rls(targets, relation.oid),
            )
        if relation.oid in targets.invoking_views:
            yield Mutant(
                "remove security_invoker",
                f"view {relation.full_name}",
                "runs as its owner",
                f"alter view {relation.sql} reset (security_invoker)",
                (relation.oid,),
                wanted="a row in the view that a persona may not read in the table",
            )
