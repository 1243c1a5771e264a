"""self-made-claims: what users may write into their own token decides what they may do.

Everybody may change their user_metadata (auth.update_user), and the next token carries it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from ephraim_db.rls.findings.candidates import Candidate, Proof
from ephraim_db.rls.findings.doors import Doors
from ephraim_db.rls.findings.escalation import NOTE_DOWN, measures_of
from ephraim_db.rls.findings.scene import Scene
from ephraim_db.rls.personas import Persona

RULE = "self-made-claims"
READ = re.compile(r"user_meta_?data\W+(?:text\W+)?(?:->>?|#>>?)\W*(\w+)")


def find(scene: Scene) -> Iterator[Candidate]:
    """Give every member what the policies look for, and look again."""
    doors = Doors(scene)
    keys = tuple(dict.fromkeys(READ.findall(doors.text)))
    if not keys:
        return
    for persona in scene.members:
        measures = list(measures_of(scene, persona, doors.looking_at("user_meta")))
        tries = [
            (key, _with(persona, key, value), measure)
            for key in keys
            for value in _values(scene, doors, persona)
            for measure in measures
        ]
        before = (*NOTE_DOWN, *(step for measure in measures for step in measure.before))
        results = scene.carry_out(
            [(replace(measure.question, persona=made),) for _, made, measure in tries], before
        )
        told: set[str] = set()
        for (key, made, measure), answers in zip(tries, results, strict=True):
            if key in told or not answers or not answers[0].count:
                continue
            told.add(key)
            question = replace(measure.question, persona=made)
            yield Candidate(
                RULE,
                "error",
                persona,
                measure.relation.full_name,
                (),
                f"{persona.name} writes {key} into its own user_metadata -> {measure.verb} "
                f"rows of {measure.relation.full_name} that were out of reach before",
                f"Read {key} from app_metadata, which only the service may write.",
                (Proof((*NOTE_DOWN, *measure.before, question)),),
            )


def _with(persona: Persona, key: str, value: object) -> Persona:
    metadata = {**persona.claims.get("user_metadata", {}), key: value}
    return replace(persona, claims={**persona.claims, "user_metadata": metadata})


def _values(scene: Scene, doors: Doors, persona: Persona) -> Iterator[object]:
    yield True
    yield from doors.words
    others = (p.organization for p in scene.members if p.organization != persona.organization)
    yield from dict.fromkeys(others)
    yield from dict.fromkeys(p.sub for p in scene.members if p.sub != persona.sub)
