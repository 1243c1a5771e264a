"""caller-settable: a policy believes a setting that its caller may choose.

request.headers, request.cookies   whatever the caller sends
app.tenant, ...                    what a function that the caller may call hands to set_config

rows of others, out of reach --the setting names another organization or user--> within reach?
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from psycopg.sql import Literal

from ephraim_db.rls.catalog import Relation, quote
from ephraim_db.rls.findings.attempting import Step
from ephraim_db.rls.findings.calling import reaches_outside, was_called
from ephraim_db.rls.findings.candidates import Candidate, Proof
from ephraim_db.rls.findings.doors import Doors
from ephraim_db.rls.findings.finding import Severity
from ephraim_db.rls.findings.measures import Measure, ask_after, measures_of
from ephraim_db.rls.findings.others import rows_that_are
from ephraim_db.rls.findings.scene import Scene
from ephraim_db.rls.functions import Function
from ephraim_db.rls.ownership import Whose
from ephraim_db.rls.personas import Persona

RULE = "caller-settable"
SENT = re.compile(
    r"current_setting\(\s*'(request\.(?:headers|cookies))'[^;]*?->>\s*'([\w-]+)'", re.IGNORECASE
)
OWN_NAME = re.compile(r"current_setting\(\s*'((?!request\.)\w+\.[\w.]+)'", re.IGNORECASE)
STAYS = re.compile(r"set_config\s*\([^;]*,\s*false\s*\)", re.IGNORECASE)
"""A setting that outlives its transaction meets whoever gets the connection next."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting that policies read; `key` is within a header or a cookie."""

    name: str
    key: str = ""

    @property
    def unset(self) -> Step:
        """Return the step after which it says nothing."""
        return Step(f"select set_config({_literal(self.name)}, '{'{}' if self.key else ''}', true)")


@dataclass(frozen=True, slots=True)
class Try:
    """One value of a setting, as one persona chooses it by `how`."""

    persona: Persona
    setting: Setting
    measure: Measure
    severity: Severity
    how: str
    steps: tuple[Step, ...]


def find(scene: Scene) -> Iterator[Candidate]:
    """Choose another organization, user or role for every setting that policies read."""
    doors = Doors(scene)
    settings = [Setting(name, key) for name, key in dict.fromkeys(SENT.findall(doors.text))]
    settings += [Setting(name) for name in dict.fromkeys(OWN_NAME.findall(doors.text))]
    for persona in scene.clients if settings else ():
        for setting in settings:
            relations = [
                relation
                for relation in doors.looking_at(setting.name)
                if relation.has_places and scene.belongs_to(relation)
            ]
            measures = [
                _of_others(scene, persona, measure)
                for measure in measures_of(scene, persona, relations)
            ]
            tries = [
                Try(persona, setting, measure, severity, how, steps)
                for measure in measures
                for severity, how, steps in _ways(scene, doors, persona, setting, measure.relation)
            ]
            results = ask_after(
                scene, measures, [(one.steps, [one.measure]) for one in tries], (setting.unset,)
            )
            gained = [one for one, (_, rows) in zip(tries, results, strict=True) if any(rows)]
            for one in {one.measure.relation: one for one in reversed(gained)}.values():
                yield _candidate(one)


def _of_others(scene: Scene, persona: Persona, measure: Measure) -> Measure:
    """Return the measure of the rows of others only: one's own may take a setting to be read."""
    relation = measure.relation
    others = rows_that_are(scene, persona, relation, (Whose.OTHER,))
    *noting, far = measure.before
    narrowed = f"{far.sql} and ({others})"
    return replace(measure, before=(*noting, Step(narrowed)))


def _ways(
    scene: Scene, doors: Doors, persona: Persona, setting: Setting, relation: Relation
) -> Iterator[tuple[Severity, str, tuple[Step, ...]]]:
    """Yield how the persona may choose a value: how bad that is, in words, and the steps."""
    for value in _values(scene, doors, persona, relation):
        chosen = (
            Step(f"create temp table chosen on commit drop as select {value} as value"),
            Step("grant select on pg_temp.chosen to public"),
        )
        if setting.key:
            noun = setting.name.removeprefix("request.").removesuffix("s")
            sent = f"json_build_object({_literal(setting.key)}, c.value)::text"
            send = f"select set_config({_literal(setting.name)}, {sent}, true) "
            step = Step(f"{send}from pg_temp.chosen as c")
            yield "error", f"sends the {noun} {setting.key}", (*chosen, step)
            continue
        for function in _setting(scene, persona, setting):
            arguments = ", ".join(f"c.value::{kind}" for kind in function.argument_types)
            calling = f"select {function.sql}({arguments}) from pg_temp.chosen as c"
            yield (
                "error" if STAYS.search(function.source) else "warning",
                f"calls {function.full_name}",
                (*chosen, Step(calling, persona)),
            )


def _setting(scene: Scene, persona: Persona, setting: Setting) -> Iterator[Function]:
    """Yield the exposed functions that set it to what they are handed."""
    for function in scene.facts.functions.values():
        if (
            function.schema in scene.observation.personas.schemas
            and persona.role in function.executors
            and function.argument_types
            and not function.is_variadic
            and not reaches_outside(scene, function)
            and was_called(scene, persona, function)
            and "set_config" in function.source
            and setting.name in function.source
        ):
            yield function


def _values(scene: Scene, doors: Doors, persona: Persona, relation: Relation) -> Iterator[str]:
    """Yield, as SQL, what rows of others have where they say whose they are, and known words."""
    ownership = scene.observation.ownership
    others = rows_that_are(scene, persona, relation, (Whose.OTHER,))
    for column in (*ownership.organization_columns(relation), *ownership.owner_columns(relation)):
        name = quote(column)
        yield (
            f"(select r.{name}::text from {relation.sql} as r "
            f"where r.{name} is not null and ({others}) order by 1 limit 1)"
        )
    yield from map(_literal, (*doors.words, "true"))


def _candidate(one: Try) -> Candidate:
    relation = one.measure.relation
    place = f"{one.setting.name} {one.setting.key}".strip()
    return Candidate(
        RULE,
        one.severity,
        one.persona,
        relation.full_name,
        (),
        f"{one.persona.name} {one.how} and {one.measure.verb} rows of others in "
        f"{relation.full_name}: its policies believe {place}",
        f"Let the policies of {relation.full_name} read who is asking from the token, with "
        "auth.uid() or auth.jwt(), or look it up by that.",
        (Proof((one.setting.unset, *one.measure.before, *one.steps, one.measure.question)),),
    )


def _literal(text: str) -> str:
    return Literal(text).as_string(None).strip()
