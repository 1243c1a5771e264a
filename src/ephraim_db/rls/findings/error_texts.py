"""secret-in-error: an error tells what may not be read.

values that the persona does not see --> call functions, set off triggers, with a null or an odd
value here and there --> are they in the message, detail or hint of the error?
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ephraim_db.rls.catalog import Column, Relation, quote
from ephraim_db.rls.findings.arguments import ARGUMENTS, call, prepare_arguments
from ephraim_db.rls.findings.attempting import Step, asked
from ephraim_db.rls.findings.calling import worth_calling
from ephraim_db.rls.findings.candidates import Candidate, Proof
from ephraim_db.rls.findings.door_writes import in_ones_own_name
from ephraim_db.rls.findings.hidden_values import HIDDEN, TELLING, Target, hide_all
from ephraim_db.rls.findings.scene import Scene
from ephraim_db.rls.findings.secret_columns import find_secrets
from ephraim_db.rls.personas import Persona

RULE = "secret-in-error"
ERRORS = "pg_temp.error_texts"
NOTHING = "select ''::text as given"
FAILING = frozenset({"raise", "insert", "update", "delete", "merge", "execute"})
"""What a function that fails with somebody's values has in its text."""
ODD = {"text": "''", "integer": "-1", "bigint": "-1", "numeric": "-1", "smallint": "-1"}


@dataclass(frozen=True, slots=True)
class Try:
    """What may fail as the persona. `given`: the query for what was handed in, as text."""

    about: str
    does: str
    before: tuple[Step, ...]
    statement: str
    given: str = NOTHING


def find(scene: Scene) -> Iterator[Candidate]:
    """Make things fail as every client, and look for secret and personal values in the errors."""
    secrets = {(s.relation.oid, s.column.name) for s in find_secrets(scene)}
    targets = [
        (relation, column)
        for relation in scene.observation.catalog.relations.values()
        if relation.has_places
        for column in relation.columns
        if column.type.startswith(TELLING)
        and ((relation.oid, column.name) in secrets or scene.personal((column.name,)))
    ]
    named = {f"{r.full_name}.{c.name}": (r, c) for r, c in targets}
    for persona in scene.clients if targets else ():
        tries = [*_calls(scene, persona), *_writes(scene, persona)]
        attempts = [
            (*_failing(persona, one), asked(_search(one, "string_agg(distinct h.source, ',')")))
            for one in tries
        ]
        hidden = tuple(hide_all(scene, persona, targets, of_anybody=True))
        found: set[tuple[str, str]] = set()
        results = scene.carry_out(attempts, before=hidden) if attempts else []
        for one, told in zip(tries, results, strict=True):
            for source in (told[-1].answer or "").split(",") if told else ():
                if source in named and (one.about, source) not in found:
                    found.add((one.about, source))
                    secret = (named[source][0].oid, named[source][1].name) in secrets
                    yield _candidate(scene, persona, one, named[source], secret=secret)


def _calls(scene: Scene, persona: Persona) -> Iterator[Try]:
    """Yield calls with a null, or an odd value, for each argument in turn."""
    for function in worth_calling(scene, persona):
        if not _may_fail(scene, [function.oid]):
            continue
        changes = [""]
        for at, kind in enumerate(function.argument_types):
            changes.append(f"a{at} = null")
            changes += [f"a{at} = {ODD[kind]}"] if kind in ODD else []
        for change in changes:
            changing = Step(f"update {ARGUMENTS} set {change}")  # noqa: S608
            yield Try(
                function.full_name,
                f"calls {function.full_name}",
                (
                    *prepare_arguments(scene, persona, function, 0),
                    *((changing,) if change else ()),
                ),
                f"perform from {call(function)}",
                f"select a::text as given from {ARGUMENTS} as a",  # noqa: S608
            )


def _writes(scene: Scene, persona: Persona) -> Iterator[Try]:
    """Yield writes to tables whose triggers may fail."""
    for relation in scene.relations:
        if not _may_fail(scene, scene.table(relation).trigger_functions):
            continue
        granted = scene.privileges(persona, relation)
        for column in (c for c in relation.columns if c.written and c.name in granted.update):
            for value in ("null", *([ODD[column.type]] if column.type in ODD else ())):
                yield Try(
                    relation.full_name,
                    f"changes {relation.full_name}.{column.name}",
                    (),
                    f"update {relation.sql} set {quote(column.name)} = {value}",  # noqa: S608
                )
        if granted.delete:
            yield Try(
                relation.full_name,
                f"deletes from {relation.full_name}",
                (),
                f"delete from {relation.sql}",  # noqa: S608
            )
        columns = [c for c in relation.columns if c.written and c.name in granted.insert]
        columns = [c for c in columns if c.name not in relation.primary_key or not c.has_default]
        if columns:
            yield _insert(scene, persona, relation, columns)


def _insert(scene: Scene, persona: Persona, relation: Relation, columns: list[Column]) -> Try:
    names = ", ".join(quote(column.name) for column in columns)
    return Try(
        relation.full_name,
        f"adds to {relation.full_name}",
        in_ones_own_name(scene, persona, relation, columns),
        f"insert into {relation.sql} ({names}) select {names} from pg_temp.template",  # noqa: S608
        "select t::text as given from pg_temp.template as t",
    )


def _may_fail(scene: Scene, functions: list[int] | tuple[int, ...]) -> bool:
    called = scene.facts.called(functions)
    return any(word.lower() in FAILING for oid in called for word in scene.facts.known.words[oid])


def _failing(persona: Persona, one: Try) -> tuple[Step, ...]:
    """Return the steps after which pg_temp.error_texts holds what the persona was told."""
    block = (
        "do $ephraim$ declare m text; d text; h text; "  # noqa: S608
        f"begin {one.statement}; set constraints all immediate; exception when others then "
        "get stacked diagnostics m = message_text, d = pg_exception_detail, "
        f"h = pg_exception_hint; insert into {ERRORS} values (concat_ws(' ', m, d, h)); "
        "end $ephraim$"
    )
    return (
        Step("create temp table error_texts (told text) on commit drop"),
        Step(f"grant insert on {ERRORS} to public"),
        *one.before,
        Step(block, persona),
    )


def _search(one: Try, what: str) -> str:
    return (
        f"select {what} from {ERRORS} as e inner join {HIDDEN} as h "  # noqa: S608
        "on position(h.value in e.told) > 0 "
        f"where not exists (select from ({one.given}) as g where position(h.value in g.given) > 0)"
    )


def _candidate(
    scene: Scene, persona: Persona, one: Try, target: Target, *, secret: bool
) -> Candidate:
    relation, column = target
    return Candidate(
        RULE,
        "error" if secret else "warning",
        persona,
        one.about,
        (column.name,),
        f"{persona.name} {one.does}, and the error tells {relation.full_name}.{column.name}",
        f"In {one.about}, check what is handed in first, catch the error, and raise one that "
        f"says nothing of {column.name}.",
        (
            Proof((
                *hide_all(scene, persona, [target], of_anybody=True),
                *_failing(persona, one),
                asked(_search(one, "count(*) as hidden_values_told")),
            )),
        ),
    )  # fmt: skip
