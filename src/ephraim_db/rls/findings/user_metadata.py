"""self-made-claims: what users may write into their own token decides what they may do.

Everybody may change their user_metadata (auth.update_user), and the next token carries it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from ephraim_db.rls.findings.candidates import Candidate
from ephraim_db.rls.findings.doors import Doors
from ephraim_db.rls.findings.measures import Measure, ask_after, deeds_of, measures_of, shown_by
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
        believing = list(doors.looking_at("user_meta"))
        measures = [
            *measures_of(scene, persona, believing),
            *deeds_of(scene, persona, believing),
        ]
        claims = [
            (key, [_by(made, measure) for measure in measures])
            for key in keys
            for value in _values(scene, doors, persona)
            for made in [_with(persona, key, value)]
        ]
        results = ask_after(scene, measures, [((), mine) for _, mine in claims])
        gains = [
            (key, before, measure, rows)
            for (key, mine), (_, gained) in zip(claims, results, strict=True)
            for before, measure, rows in zip(measures, mine, gained, strict=False)
            if rows
        ]
        told: set[str] = set()
        for key, before, measure, rows in gains:
            if key in told:
                continue
            told.add(key)
            yield Candidate(
                RULE,
                "error",
                persona,
                measure.relation.full_name,
                (),
                f"{persona.name} writes {key} into its own user_metadata -> {measure.told(rows)}",
                f"Read {key} from app_metadata, which only the service may write.",
                shown_by(before, (), measure.question),
            )


def _by(persona: Persona, measure: Measure) -> Measure:
    return replace(measure, question=replace(measure.question, persona=persona))


def _with(persona: Persona, key: str, value: object) -> Persona:
    metadata = {**persona.claims.get("user_metadata", {}), key: value}
    return replace(persona, claims={**persona.claims, "user_metadata": metadata})


def _values(scene: Scene, doors: Doors, persona: Persona) -> Iterator[object]:
    yield True
    yield from doors.words
    others = (o for p in scene.members for o in p.organizations if o not in persona.organizations)
    yield from dict.fromkeys(others)
    yield from dict.fromkeys(p.sub for p in scene.members if p.sub != persona.sub)
