"""insert-returning-fails: a row may be added, and what asks for it back is refused.

supabase-js asks for the row back with .insert(...).select(), PostgREST with return=representation:
then the SELECT policies have to let the new row pass as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ephraim_db.rls.catalog import Relation, quote
from ephraim_db.rls.findings.attempting import Attempt
from ephraim_db.rls.findings.candidates import Candidate, Proof
from ephraim_db.rls.findings.proving import adds_for_others
from ephraim_db.rls.findings.scene import Scene
from ephraim_db.rls.ownership import Whose
from ephraim_db.rls.personas import Persona

RULE = "insert-returning-fails"
REACH = ("none", "own", "organization", "all")
NO_PRIVILEGE = "42501"


def find(scene: Scene) -> Iterator[Candidate]:
    """Suspect every member who may add rows further than read them, and try both."""
    for persona, relation in scene.pairs(scene.members):
        proofs = _proofs(scene, persona, relation) if _sees_less(scene, persona, relation) else ()
        attempts: list[Attempt] = [proof.steps for proof in proofs]
        returning = [_returning(relation, proof) for proof in proofs]
        plain = scene.carry_out(attempts) if attempts else []
        refused = next(
            (
                asking
                for proof, asking, told in zip(proofs, returning, plain, strict=True)
                if proof.shows(told)
            ),
            None,
        )
        if refused:
            yield Candidate(
                RULE,
                "warning" if scene.rows_seen(persona, relation) else "info",
                persona,
                relation.full_name,
                (),
                f"{persona.name} may add a row to {relation.full_name}, but not ask for it back: "
                "no SELECT policy lets the new row pass",
                "Let a SELECT policy show the row to who adds it, or add it without asking for it "
                "back (return=minimal, no .select()).",
                (refused,),
            )


def _sees_less(scene: Scene, persona: Persona, relation: Relation) -> bool:
    keys = relation.primary_key
    if not keys or not scene.privileges(persona, relation).select.issuperset(keys):
        return False
    adds = max(
        (REACH.index(c.scope) for c in scene.allowed(persona, relation, "INSERT")), default=0
    )
    reads = [REACH.index(c.scope) for c in scene.allowed(persona, relation, "SELECT")]
    reached = [scene.whose(persona, relation, Whose(kind)) for kind in range(1, adds + 1)]
    unseen = frozenset().union(*reached) - scene.rows_seen(persona, relation)
    return adds > max(reads, default=0) or bool(unseen)


def _proofs(scene: Scene, persona: Persona, relation: Relation) -> list[Proof]:
    granted = [c for cell in scene.allowed(persona, relation, "INSERT") for c in cell.columns]
    found = []
    for kind in (Whose.OWN, Whose.ORGANIZATION, Whose.OTHER):
        if kind in scene.kinds(persona, relation):
            proofs = adds_for_others(scene, persona, relation, granted, (kind,))
            found += [proof for proof in proofs if not proof.sqlstate]
    return found


def _returning(relation: Relation, proof: Proof) -> Proof:
    *before, add, _ = proof.steps
    asking = replace(add, sql=f"{add.sql} returning {quote(relation.primary_key[0])}")
    return Proof((*before, asking), NO_PRIVILEGE)
