"""secret-in-error: an error tells what may not be read.

values that the persona does not see --> call functions, set off triggers, with a null or an odd
value here and there --> are they in the message, detail or hint of the error?
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ephraim_db.rls.catalog import Column, Relation, quote
from ephraim_db.rls.findings.arguments import ARGUMENTS, call, prepare_arguments
from ephraim_db.rls.findings.attempting import Step, asked
from ephraim_db.rls.findings.calling import worth_calling
from ephraim_db.rls.findings.candidates import Candidate, Proof
from ephraim_db.rls.findings.door_writes import in_ones_own_name
from ephraim_db.rls.findings.function_writes import WRITING
from ephraim_db.rls.findings.hidden_values import HIDDEN, TELLING, Target, hide_all
from ephraim_db.rls.findings.scene import Scene
from ephraim_db.rls.findings.scratch import keep, table_for
from ephraim_db.rls.findings.secret_columns import find_secrets
from ephraim_db.rls.personas import Persona

RULE = "secret-in-error"
ERRORS = "pg_temp.error_texts"
CREATE = keep("error_texts", "told text", "insert")
NOTHING = "select ''::text as given"
RAISING = frozenset({"raise", "execute"})
WHOLE = re.compile(r"\b(old|new)\b(?!\s*(\.|;))", re.IGNORECASE)
"""A whole row, but for the one that a trigger returns."""
ODD = {"text": "''", "integer": "-1", "bigint": "-1", "numeric": "-1", "smallint": "-1"}


@dataclass(frozen=True, slots=True)
class Try:
    """What may fail as the persona. `given`: the query for what was handed in, as text."""

    about: str
    does: str
    before: tuple[Step, ...]
    statements: tuple[str, ...]
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
        tries = [*_calls(scene, persona, targets), *_writes(scene, persona, targets)]
        attempts = [
            (*_failing(persona, one), asked(_search(one, "string_agg(distinct h.source, ',')")))
            for one in tries
        ]
        hidden = (CREATE, *hide_all(scene, persona, targets, of_anybody=True))
        found: set[tuple[str, str]] = set()
        results = scene.carry_out(attempts, before=hidden) if attempts else []
        for one, told in zip(tries, results, strict=True):
            for source in (told[-1].answer or "").split(",") if told else ():
                if source in named and (one.about, source) not in found:
                    found.add((one.about, source))
                    secret = (named[source][0].oid, named[source][1].name) in secrets
                    yield _candidate(scene, persona, one, named[source], secret=secret)


def _calls(scene: Scene, persona: Persona, targets: Sequence[Target]) -> Iterator[Try]:
    """Yield calls with a null, or an odd value, for each argument in turn."""
    for function in worth_calling(scene, persona):
        if not _may_tell(scene, [function.oid], targets):
            continue
        changes = [""]
        for at, kind in enumerate(function.argument_types):
            changes.append(f"a{at} = null")
            changes += [f"a{at} = {ODD[kind]}"] if kind in ODD else []
        for change in changes:
            changing = Step(f"update {ARGUMENTS} set {change}")
            yield Try(
                function.full_name,
                f"calls {function.full_name}",
                (
                    *prepare_arguments(scene, persona, function, 0),
                    *((changing,) if change else ()),
                ),
                (f"perform from {call(function)}",),
                f"select a::text as given from {ARGUMENTS} as a",
            )


def _writes(scene: Scene, persona: Persona, targets: Sequence[Target]) -> Iterator[Try]:
    """Yield writes to tables whose triggers may fail."""
    for _, relation in scene.pairs([persona]):
        untried = scene.observed(persona, relation).untried
        if not _may_tell(scene, scene.table(relation).trigger_functions, targets):
            continue
        granted = scene.privileges(persona, relation)
        changes = tuple(
            f"update {relation.sql} set {quote(column.name)} = {value}"
            for column in relation.columns
            if column.written and column.name in granted.update
            for value in ("null", *([ODD[column.type]] if column.type in ODD else ()))
        )
        if changes and "UPDATE" not in untried:
            yield Try(relation.full_name, f"changes {relation.full_name}", (), changes)
        if granted.delete and "DELETE" not in untried:
            delete = f"delete from {relation.sql}"
            yield Try(relation.full_name, f"deletes from {relation.full_name}", (), (delete,))
        columns = [c for c in relation.columns if c.written and c.name in granted.insert]
        columns = [c for c in columns if c.name not in relation.primary_key or not c.has_default]
        if columns and "INSERT" not in untried:
            yield _insert(scene, persona, relation, columns)


def _insert(scene: Scene, persona: Persona, relation: Relation, columns: list[Column]) -> Try:
    names = ", ".join(quote(column.name) for column in columns)
    template = table_for("template", relation)
    return Try(
        relation.full_name,
        f"adds to {relation.full_name}",
        in_ones_own_name(scene, persona, relation, columns),
        (f"insert into {relation.sql} ({names}) select {names} from {template}",),
        f"select t::text as given from {template} as t",
    )


def _may_tell(scene: Scene, functions: Iterable[int], targets: Sequence[Target]) -> bool:
    """Return whether these functions may fail, and have a hand in a value that is looked for.

    They name its column or hold a whole row, and raise; or they write its table as their owner.
    """
    called = scene.facts.called(functions)
    words = frozenset().union(*(scene.facts.known.words[oid] for oid in called))
    said = frozenset(word.lower() for word in words)
    if not RAISING.isdisjoint(said) and any(
        column.name in words or relation.name in words for relation, column in targets
    ):
        return True
    if not RAISING.isdisjoint(said) and any(
        WHOLE.search(scene.facts.functions[oid].source) for oid in called
    ):
        return True
    definer = any(scene.facts.functions[oid].definer for oid in called)
    return (
        definer
        and not WRITING.isdisjoint(said)
        and any(relation.name in words for relation, _ in targets)
    )


def _failing(persona: Persona, one: Try) -> tuple[Step, ...]:
    """Return the steps that put what the persona is told into pg_temp.error_texts."""
    tries = " ".join(
        f"begin {statement}; set constraints all immediate; raise exception 'no error'; "
        "exception when others then get stacked diagnostics m = message_text, "
        f"d = pg_exception_detail, h = pg_exception_hint; insert into {ERRORS} "
        "values (concat_ws(' ', m, d, h)); end;"
        for statement in one.statements
    )
    block = f"do $ephraim$ declare m text; d text; h text; begin {tries} end $ephraim$"
    return (*one.before, Step(block, persona))


def _search(one: Try, what: str) -> str:
    return (
        f"select {what} from {ERRORS} as e inner join {HIDDEN} as h "
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
                CREATE,
                *_failing(persona, one),
                asked(_search(one, "count(*) as hidden_values_told")),
            )),
        ),
    )  # fmt: skip
