"""soft-deleted-reachable: a row marked as deleted is still read, in its table or in a view.

a row that the persona reads --marked by the prober--> is it read still, and where?
"""

from __future__ import annotations

from collections.abc import Iterator

from ephraim_db.rls.catalog import Column, Relation, quote
from ephraim_db.rls.findings.attempting import Step, as_prober, asked
from ephraim_db.rls.findings.candidates import Candidate, Proof
from ephraim_db.rls.findings.fixing import fix_policy
from ephraim_db.rls.findings.others import others_of
from ephraim_db.rls.findings.scene import Scene
from ephraim_db.rls.findings.soft_deletes import marks_of, one_unmarked, value_of
from ephraim_db.rls.personas import Persona

RULE = "soft-deleted-reachable"


def find(scene: Scene) -> Iterator[Candidate]:
    """Mark a row that each member reads, and look for it in its table and in the views of it."""
    tries = [
        (persona, relation, mark, place)
        for persona, relation in scene.pairs(scene.members)
        if relation.has_places and _is_named(scene, persona, relation, relation)
        for mark in marks_of(relation)
        for place in (relation, *_views(scene, persona, relation))
    ]
    attempts = [
        (
            *one_unmarked(scene, persona, relation, mark),
            _read(persona, relation, relation),
            _marked(relation, mark),
            _read(persona, relation, relation),
            _read(persona, relation, place),
        )
        for persona, relation, mark, place in tries
    ]
    results = scene.carry_out(attempts)
    for (persona, relation, mark, place), told in zip(tries, results, strict=True):
        if len(told) < 5 or not told[-1].count or not told[-4].count:
            continue
        if place is relation or not told[-2].count:
            yield _candidate(scene, persona, relation, mark, place)


def _is_named(scene: Scene, persona: Persona, relation: Relation, place: Relation) -> bool:
    """Return whether the persona may name a row of the relation by its key in a place."""
    keys = relation.primary_key
    return bool(keys) and scene.privileges(persona, place).select.issuperset(keys)


def _views(scene: Scene, persona: Persona, relation: Relation) -> Iterator[Relation]:
    for place in scene.relations:
        is_view = place.kind == "view" and relation.oid in place.reads
        if is_view and _is_named(scene, persona, relation, place):
            yield place


def _read(persona: Persona, relation: Relation, place: Relation) -> Step:
    keys = ", ".join(f"r.{quote(key)}" for key in relation.primary_key)
    noted = ", ".join(f"o.{quote(key)}" for key in relation.primary_key)
    return asked(
        f"select count(*) as rows_read from {place.sql} as r "
        f"where ({keys}) in (select {noted} from {others_of(relation)} as o)",
        persona,
    )


def _marked(relation: Relation, mark: Column) -> Step:
    keys = ", ".join(f"r.{quote(key)}" for key in relation.primary_key)
    noted = ", ".join(f"o.{quote(key)}" for key in relation.primary_key)
    return as_prober(
        f"update {relation.sql} as r set {quote(mark.name)} = {value_of(mark)} "
        f"where ({keys}) in (select {noted} from {others_of(relation)} as o)"
    )


def _candidate(
    scene: Scene, persona: Persona, relation: Relation, mark: Column, place: Relation
) -> Candidate:
    apart = place is not relation
    hidden = f", though {relation.full_name} hides it" if apart else ""
    should = f"leave rows out whose {mark.name} is set, if queries do not"
    return Candidate(
        RULE,
        "warning" if apart else "info",
        persona,
        place.full_name,
        (mark.name,),
        f"{persona.name} still reads a row in {place.full_name} after it was marked by "
        f"{mark.name}{hidden}",
        fix_policy(scene, persona, place, "SELECT", should),
        (
            Proof((
                *one_unmarked(scene, persona, relation, mark),
                _marked(relation, mark),
                _read(persona, relation, place),
            )),
        ),
    )  # fmt: skip
