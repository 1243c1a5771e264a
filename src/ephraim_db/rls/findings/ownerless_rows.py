"""ownerless-rows: rows without an owner are within reach of people who do not reach the others.

a row of somebody else loses its owner --made by the prober--> who sees or may change it now?
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ephraim_db.rls.catalog import Relation, quote
from ephraim_db.rls.findings.attempting import Step
from ephraim_db.rls.findings.candidates import Candidate
from ephraim_db.rls.findings.finding import Severity
from ephraim_db.rls.findings.fixing import fix_policy
from ephraim_db.rls.findings.measures import Measure, ask_after, measures_of, shown_by
from ephraim_db.rls.findings.scene import Scene
from ephraim_db.rls.findings.secret_columns import PLATFORM
from ephraim_db.rls.personas import Persona
from ephraim_db.rls.probes import Command

RULE = "ownerless-rows"
NULL = re.compile(r"\bnull\b|\bdistinct\b|\bcoalesce\b", re.IGNORECASE)


def find(scene: Scene) -> Iterator[Candidate]:
    """Take the owner off the rows of each table that allows it, and look as every client."""
    optional = [(relation, c) for relation in scene.relations for c in _optional(scene, relation)]
    for persona in scene.clients if optional else ():
        tries = []
        for relation, column in optional:
            losing = Step(f"update {relation.sql} set {quote(column)} = null")
            tries.append((relation, column, losing, list(measures_of(scene, persona, [relation]))))
        looked_at = {relation.oid: measures for relation, _, _, measures in tries}
        results = ask_after(
            scene,
            [measure for measures in looked_at.values() for measure in measures],
            [((losing,), measures) for _, _, losing, measures in tries],
        )
        for (relation, column, losing, measures), (_, rows) in zip(tries, results, strict=True):
            gained = [measure for measure, n in zip(measures, rows, strict=False) if n]
            if gained:
                yield _candidate(scene, persona, relation, column, losing, gained[-1])


def _optional(scene: Scene, relation: Relation) -> list[str]:
    """Return the columns that say whose a row is and may be null."""
    ownership = scene.observation.ownership
    telling = {*ownership.owner_columns(relation), *ownership.organization_columns(relation)}
    if not relation.has_places or telling & {*relation.primary_key} or not _asks(scene, relation):
        return []
    return [c.name for c in relation.columns if c.name in telling and c.written and not c.required]


def _asks(scene: Scene, relation: Relation) -> bool:
    """Return whether a policy can tell null from a value: `=` alone lets no null pass."""
    policies = [policy for policy in scene.facts.policies if policy.relation == relation.oid]
    called = scene.facts.called(oid for policy in policies for oid in policy.calls)
    texts = [f"{policy.condition} {policy.check_condition}" for policy in policies]
    functions = [scene.facts.functions[oid] for oid in called]
    texts += [function.source for function in functions if function.schema not in PLATFORM]
    return any(NULL.search(text) for text in texts)


def _candidate(
    scene: Scene,
    persona: Persona,
    relation: Relation,
    column: str,
    losing: Step,
    gain: Measure,
) -> Candidate:
    command: Command = "UPDATE" if gain.verb == "changes" else "SELECT"
    return Candidate(
        RULE,
        _severity(gain.verb, anonymous=persona in scene.anonymous),
        persona,
        relation.full_name,
        (column,),
        f"{persona.name} {gain.verb} rows of {relation.full_name} whose {column} is null, though "
        "not those of others",
        f"alter table {relation.sql} alter column {quote(column)} set not null;"
        if command == "UPDATE"
        else fix_policy(
            scene, persona, relation, command, f"say whether rows without {column} are for all"
        ),
        shown_by(gain, (losing,)),
    )


def _severity(verb: str, *, anonymous: bool) -> Severity:
    """Judge by the reach: rows of nobody may be templates for everybody, to read."""
    if verb == "changes":
        return "error" if anonymous else "warning"
    return "info"
