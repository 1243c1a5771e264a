"""policy-sees-nothing: a policy looks something up in a table whose rows no policy shows.

A policy is asked with its caller's rights. A lookup that row-level security keeps empty raises
nothing: whom the policy means to let in is kept out, in silence.

measured as things are --the lookup shows its rows--> what is within reach then
"""

from __future__ import annotations

from collections.abc import Iterator

from ephraim_db.rls.catalog import Relation
from ephraim_db.rls.findings.attempting import Step
from ephraim_db.rls.findings.candidates import Candidate
from ephraim_db.rls.findings.failing_policies import DEFINER
from ephraim_db.rls.findings.measures import ask_after, deeds_of, measures_of, shown_by
from ephraim_db.rls.findings.scene import Scene
from ephraim_db.rls.personas import Persona

RULE = "policy-sees-nothing"


def find(scene: Scene) -> Iterator[Candidate]:
    """Let the policies of every relation see what they look up, and look again as every member."""
    for persona in scene.members:
        pairs = [
            (relation, lookup)
            for relation in scene.relations
            if relation.has_places
            for lookup in _hidden_lookups(scene, persona, relation)
        ]
        asked = dict.fromkeys(relation for relation, _ in pairs)
        measures = [*measures_of(scene, persona, asked), *deeds_of(scene, persona, asked)]
        tries = [
            ((Step(f"alter table {lookup.sql} disable row level security"),), mine)
            for relation, lookup in pairs
            for mine in [[m for m in measures if m.relation is relation]]
        ]
        results = ask_after(scene, measures, tries)
        for (relation, lookup), (steps, mine), (_, rows) in zip(pairs, tries, results, strict=True):
            gain = next(((m, n) for m, n in zip(mine, rows, strict=False) if n), None)
            if gain:
                yield Candidate(
                    RULE,
                    "warning",
                    persona,
                    relation.full_name,
                    (),
                    f"{persona.name} is kept out by a policy of {relation.full_name} that looks "
                    f"into {lookup.full_name}, of which no policy shows a row; if one did: "
                    f"{gain[0].told(gain[1])}",
                    f"Show people their rows of {lookup.full_name} in a policy for select, or look "
                    f"them up in {DEFINER}.",
                    shown_by(gain[0], steps),
                )


def _hidden_lookups(scene: Scene, persona: Persona, relation: Relation) -> Iterator[Relation]:
    """Yield what policies read and the role may, but no policy shows it any row of."""
    catalog = scene.observation.catalog.relations
    read = frozenset().union(
        *(
            policy.reads
            for policy in scene.facts.policies
            if policy.relation == relation.oid and {persona.role, "public"} & {*policy.roles}
        )
    )
    for oid in sorted(read):
        lookup = catalog.get(oid)
        if (
            lookup
            and lookup.has_places
            and scene.table(lookup).secured
            and not scene.facts.deciding(lookup, "SELECT", persona.role)
            and scene.reads(persona, oid)
        ):
            yield lookup
