"""cached-identity: a function declared immutable answers for the user who asked before.

a statement prepared and run as one persona --the same connection, another persona--> the rows are
still those of the first: a pool hands one connection to many users
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations

from ephraim_db.rls.catalog import Relation
from ephraim_db.rls.findings.attempting import Step, asked
from ephraim_db.rls.findings.candidates import Candidate, Proof
from ephraim_db.rls.findings.others import rows_that_are
from ephraim_db.rls.findings.scene import Scene
from ephraim_db.rls.ownership import Whose
from ephraim_db.rls.personas import Persona

RULE = "cached-identity"
FORGET = (
    "do $$ begin if exists (select from pg_catalog.pg_prepared_statements "
    "where name = 'ephraim_asked') then deallocate ephraim_asked; end if; end $$"
)
"""No rollback takes a prepared statement back."""
IDENTITY = frozenset({"current_setting", "uid", "jwt", "current_user", "session_user"})


def find(scene: Scene) -> Iterator[Candidate]:
    """Run one prepared statement as two people, wherever a policy trusts such a function."""
    for relation in scene.relations:
        functions = sorted(_suspected(scene, relation))
        for first, second in permutations(scene.members, 2) if functions else ():
            steps = _steps(scene, first, second, relation)
            if steps is None or not _differs(scene, first, second, relation):
                continue
            names = ", ".join(scene.facts.functions[oid].full_name for oid in functions)
            yield Candidate(
                RULE,
                "error",
                second,
                relation.full_name,
                (),
                f"{second.name} reads the rows of {first.name} in {relation.full_name} when both "
                f"use one connection: {names} is declared immutable and tells who is asking",
                "; ".join(f"alter function {_signature(scene, oid)} stable" for oid in functions)
                + ";",
                (Proof(steps),),
            )
            break


def _suspected(scene: Scene, relation: Relation) -> Iterator[int]:
    called = scene.facts.called(
        oid
        for policy in scene.facts.policies
        if policy.relation == relation.oid
        for oid in policy.calls
    )
    for oid in called:
        inner = scene.facts.called([oid])
        words = frozenset().union(*(scene.facts.known.words[one] for one in inner))
        if scene.facts.functions[oid].volatility == "i" and words & IDENTITY:
            yield oid


def _steps(
    scene: Scene, first: Persona, second: Persona, relation: Relation
) -> tuple[Step, ...] | None:
    """Return the statement, run as both; the first one's own rows are counted."""
    if first.role != second.role or not scene.privileges(second, relation).select:
        return None
    mine = rows_that_are(scene, first, relation, (Whose.OWN,))
    if mine == "false" or "exists (" in mine:
        return None
    count = f"select count(*) as rows_read from {relation.sql} as r where {mine}"
    run = "execute ephraim_asked"
    return (
        Step(FORGET),
        Step(f"prepare ephraim_asked as {count}", first),
        asked(run, first),
        asked(run, second),
    )


def _differs(scene: Scene, first: Persona, second: Persona, relation: Relation) -> bool:
    """Return whether the second does not see the first one's rows when asking afresh."""
    mine = scene.whose(first, relation, Whose.OWN)
    return bool(mine & scene.rows_seen(first, relation)) and not (
        mine & scene.rows_seen(second, relation)
    )


def _signature(scene: Scene, oid: int) -> str:
    function = scene.facts.functions[oid]
    return f"{function.sql}({', '.join(function.argument_types)})"
