"""Call every function of the exposed schemas as every persona, and see what comes of it.

arguments out of rows of each kind --call--> whose rows came back (jsonb, to the witness)
                                        +--> which tables were written to (Postgres's own counters)

What reaches outside the database is not called.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import psycopg
from psycopg.sql import Literal

from ephraim_db.rls.arguments import Arguments, Sources
from ephraim_db.rls.asking import CANCELED, Act, asking
from ephraim_db.rls.catalog import Catalog, Relation
from ephraim_db.rls.functions import Function, Functions
from ephraim_db.rls.outside import leave_untried
from ephraim_db.rls.overlapping import Work, finish
from ephraim_db.rls.ownership import OWNER_NAMES, Ownership, Whose
from ephraim_db.rls.personas import Persona, Personas
from ephraim_db.rls.probes import MOST_SECONDS, Answer, Probe, Question
from ephraim_db.rls.probing import INSUFFICIENT_PRIVILEGE
from ephraim_db.rls.rows import Rows
from ephraim_db.rls.uses import Use
from ephraim_db.rls.verdicts import BY_GRANT, Verdict

UNCALLABLE = frozenset({"trigger", "event_trigger", "internal", "cstring", "language_handler"})
AT_ONCE = 10
"""Functions whose calls are sent together."""
MOST_RETURNED = 1_000
TOO_LONG = f"a call took longer than {MOST_SECONDS} s: it was called no more"
NOBODY_KNOWS = 0
FIRST_CHANGE = 10
WRITES = ("adds to", "changes", "removes from")


@dataclass(frozen=True)
class Calls:
    """What it takes to call functions; `copied` are the rows of the exposed relations."""

    connection: psycopg.Connection[Any]
    personas: Personas
    catalog: Catalog
    functions: Functions
    ownership: Ownership
    copied: Sequence[Rows]

    def works(self) -> Iterator[Work[list[Use]]]:
        """Yield works that tell what each persona could do with functions of exposed schemas."""
        for schema in self.personas.schemas:
            functions = [
                function
                for function in self.functions.by_oid.values()
                if function.schema == schema and function.returns not in UNCALLABLE
            ]
            for start in range(0, len(functions), AT_ONCE):
                yield self._uses(schema, functions[start : start + AT_ONCE])

    def uses_of(self, function: Function) -> list[Use]:
        """Return what each persona could do with one function."""
        return finish(self.connection, self._uses(function.schema, [function]))

    def _uses(self, schema: str, functions: Sequence[Function]) -> Work[list[Use]]:
        reasons = [self._why_not(function) for function in functions]
        copied = [rows for rows in self.copied if rows.relation.has_places]
        sources = [Sources(function, copied) for function in functions]
        acts = [
            Act(
                persona,
                () if reason else tuple(self._probes(those, persona)),
                calls=those.function.full_name,
            )
            for those, reason in zip(sources, reasons, strict=True)
            for persona in self.personas.everyone
        ]
        answers = iter((yield from asking(schema, acts)))
        uses: list[Use] = []
        for function, reason in zip(functions, reasons, strict=True):
            for persona in self.personas.everyone:
                told = next(answers)
                granted = persona.role in function.executors
                if reason is None:
                    uses.append(self._use(function, persona, told, granted=granted))
                else:
                    verdict = Verdict("unproven") if granted else BY_GRANT
                    doubts = (reason,) if granted else ()
                    uses.append(_use(function, persona, verdict, doubts=doubts))
        return uses

    def _why_not(self, function: Function) -> str | None:
        found = self.functions.way_out([function.oid])
        if found:
            return f"it reaches outside the database ({found}): not called"
        if self.functions.is_stubborn([function.oid]):
            return "it catches its own cancellation (query_canceled): not called"
        if function.is_variadic:
            return "it takes any number of arguments: not called"
        words = self.functions.words[function.oid]
        for relation in self._avoided:
            if relation.name in words:
                return f"it names {relation.full_name}, which reaches outside: not called"
        return None

    @cached_property
    def _avoided(self) -> tuple[Relation, ...]:
        relations = self.catalog.relations.values()
        return tuple(r for r in relations if leave_untried(self.catalog, self.functions, r))

    def _probes(self, sources: Sources, persona: Persona) -> Iterator[Probe]:
        """Yield a call for each kind of rows; one, if that makes no difference or is refused."""
        function = sources.function
        arguments = Arguments(function, persona, self.personas.boundary, self.ownership, sources)
        kinds = [kind for kind in Whose if kind is not Whose.OWN or persona.sub]
        choices = {arguments.of(kind): kind for kind in reversed(kinds)}
        if persona.role not in function.executors:
            choices = dict([choices.popitem()])
        for values, kind in choices.items():
            yield Probe(
                (Question("EXECUTE", "call", whose=kind),),
                "select jsonb_agg(to_jsonb(q.told)) from "
                f"(select {function.sql}({', '.join(values)}) as told limit {MOST_RETURNED}) as q",
                self._witness(function, persona),
                self._count if function.volatility == "v" else None,
                told=True,
            )

    def _witness(self, function: Function, persona: Persona) -> str:
        source, whose = self._whose(function, persona)
        seen = (
            f"select distinct {whose} from jsonb_array_elements($1) as e (value){source} "
            "where e.value not in ('null', 'false', '\"\"', '[]')"
        )
        if function.volatility != "v":
            return f"select array({seen})"
        return (
            "with before as materialized ("
            "select current_setting('ephraim.counted')::bigint[] as counted) "
            f"select array({seen} union all select {FIRST_CHANGE} + c.number "
            f"from {self._counters} cross join before as b where c.counted > b.counted[c.number])"
        )

    def _whose(self, function: Function, persona: Persona) -> tuple[str, str]:
        relation = self.catalog.relations.get(function.returned_relation)
        if relation is not None:
            source = (
                f" cross join lateral jsonb_populate_record(null::{relation.sql}, e.value) as r"
            )
            return source, self.ownership.class_of_row(relation, persona)
        owners = sorted(OWNER_NAMES)
        names = [self.personas.boundary] if self.personas.boundary else []
        own = _mentions(persona.sub, (*owners, "id"))
        organization = _mentions(persona.organization, names)
        tells = ", ".join(Literal(name).as_string(None) for name in (*owners, *names))
        return "", (
            f"(case when {own} then {Whose.OWN:d} when {organization} then "
            f"{Whose.ORGANIZATION:d} when jsonb_exists_any(e.value, array[{tells}]) then "
            f"{Whose.OTHER:d} else {NOBODY_KNOWS} end)"
        )

    @cached_property
    def _tables(self) -> tuple[Relation, ...]:
        return tuple(r for r in self.catalog.relations.values() if r.kind == "table")

    @cached_property
    def _counters(self) -> str:
        oids = ", ".join(str(relation.oid) for relation in self._tables) or "0"
        return (
            f"unnest(array[{oids}]::oid[]) with ordinality as t (oid, place) "
            "cross join lateral (values "
            "(0, pg_catalog.pg_stat_get_xact_tuples_inserted(t.oid)), "
            "(1, pg_catalog.pg_stat_get_xact_tuples_updated(t.oid)), "
            "(2, pg_catalog.pg_stat_get_xact_tuples_deleted(t.oid))) as w (write, counted) "
            f"cross join lateral (select ({len(WRITES)} * (t.place - 1) + w.write + 1)::integer "
            "as number, w.counted) as c"
        )

    @cached_property
    def _count(self) -> str:
        return (
            "select set_config('ephraim.counted', "
            f"array_agg(c.counted order by c.number)::text, true) from {self._counters}"
        )

    def _use(
        self, function: Function, persona: Persona, answers: Sequence[Answer], *, granted: bool
    ) -> Use:
        states = [answer.sqlstate for answer in answers]
        doubts = (TOO_LONG,) if CANCELED in states else ()
        if not granted and states == [INSUFFICIENT_PRIVILEGE]:
            return _use(function, persona, BY_GRANT)
        numbers = {n for answer in answers for n in answer.numbers}
        if numbers:
            returned = {n for n in numbers if n < FIRST_CHANGE}
            effects = (*(("returns",) if returned else ()), *sorted(self._writes(numbers)))
            reach = self._reach(function, returned)
            return _use(function, persona, Verdict("allowed", reach), effects, doubts)
        if doubts:
            return _use(function, persona, Verdict("unproven"), doubts=doubts)
        if None in states:
            return _use(function, persona, Verdict("hidden"))
        if INSUFFICIENT_PRIVILEGE in states:
            return _use(function, persona, Verdict("refused_by_policy"))
        return _use(function, persona, Verdict("error", sqlstate=states[0] if states else None))

    def _reach(self, function: Function, returned: set[int]) -> Whose | None:
        """Return whose rows it was; where nothing tells, all if it steps past policies."""
        known = returned - {NOBODY_KNOWS}
        if known:
            return Whose(max(known))
        called = (self.functions.by_oid[oid] for oid in self.functions.called([function.oid]))
        return Whose.OTHER if any(one.definer for one in called) else None

    def _writes(self, numbers: set[int]) -> Iterator[str]:
        for number in numbers:
            if number > FIRST_CHANGE:
                place, write = divmod(number - FIRST_CHANGE - 1, len(WRITES))
                yield f"{WRITES[write]} {self._tables[place].full_name}"


def _mentions(value: str | None, names: Sequence[str]) -> str:
    """Return the condition that `e.value` is that value, or has it under one of these names."""
    if value is None:
        return "false"
    told = ", ".join(
        ("e.value #>> '{}'", *(f"e.value ->> {Literal(name).as_string(None)}" for name in names))
    )
    return f"{Literal(value).as_string(None)} in ({told})"


def _use(
    function: Function,
    persona: Persona,
    verdict: Verdict,
    effects: tuple[str, ...] = (),
    doubts: tuple[str, ...] = (),
) -> Use:
    return Use(persona.name, function.full_name, "function", "EXECUTE", verdict, effects, doubts)
