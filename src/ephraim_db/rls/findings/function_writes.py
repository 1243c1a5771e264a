"""definer-function-writes: a function changes rows that its caller could not change.

rows changed, by table: counted before and after the call, as Postgres counts them itself
"""

from __future__ import annotations

from collections.abc import Iterator

from ephraim_db.rls.catalog import Relation
from ephraim_db.rls.findings.arguments import call, prepare_arguments, tries
from ephraim_db.rls.findings.attempting import Step, asked
from ephraim_db.rls.findings.calling import worth_calling
from ephraim_db.rls.findings.candidates import Candidate, Proof
from ephraim_db.rls.findings.fixing import fix_function
from ephraim_db.rls.findings.others import count_changed, note_down, others_of, rows_that_are
from ephraim_db.rls.findings.scene import Scene
from ephraim_db.rls.functions import Function
from ephraim_db.rls.ownership import Whose
from ephraim_db.rls.personas import Persona

RULE = "definer-function-writes"
WRITING = frozenset({"insert", "update", "delete", "merge", "truncate", "execute"})


def find(scene: Scene) -> Iterator[Candidate]:
    """Call each function as each client, and ask which tables have been written to."""
    for persona in (*scene.anonymous, *scene.judged_members):
        calls = [
            (function, attempt)
            for function in worth_calling(scene, persona)
            if function.volatility == "v" and may_write(scene, function)
            for attempt in tries(scene, persona, function)
        ]
        attempts = []
        for function, attempt in calls:
            counted = counted_before(scene, function)
            attempts.append((
                *prepare_arguments(scene, persona, function, attempt),
                Step(f"create temp table counted on commit drop as {counted}"),
                Step(f"select from {call(function)}", persona),
                asked(changed_since(counted)),
            ))  # fmt: skip
        seen: set[tuple[int, int]] = set()
        for (function, attempt), told in zip(calls, scene.carry_out(attempts), strict=True):
            for change in (told[-1].answer or "").split(",") if told else ():
                oid, _, changed = change.partition(" ")
                relation = scene.observation.catalog.relations.get(int(oid or 0))
                if relation and relation.has_places and (function.oid, relation.oid) not in seen:
                    seen.add((function.oid, relation.oid))
                    yield from _candidates(
                        scene, persona, function, attempt, relation, changed == "t"
                    )


def may_write(scene: Scene, function: Function) -> bool:
    """Return whether it, or a function that it calls, has a word for writing in it at all."""
    called = scene.facts.called([function.oid])
    words = (word.lower() for oid in called for word in scene.facts.known.words[oid])
    return not WRITING.isdisjoint(words)


def counted_before(scene: Scene, function: Function) -> str:
    """Return the query that counts what this transaction wrote to the tables it may reach."""
    catalog = scene.observation.catalog.relations
    named = scene.facts.named_in(scene.facts.called([function.oid]), catalog.values())
    triggers = scene.facts.called(
        trigger
        for oid in named
        if oid in scene.facts.tables
        for trigger in scene.facts.tables[oid].trigger_functions
    )
    reached = named | scene.facts.named_in(triggers, catalog.values())
    oids = ", ".join(str(oid) for oid in sorted(reached) if oid in scene.facts.tables)
    return (
        "select t.oid, pg_stat_get_xact_tuples_inserted(t.oid) as n_added, "
        "pg_stat_get_xact_tuples_updated(t.oid) + pg_stat_get_xact_tuples_deleted(t.oid) "
        f"as n_changed from unnest(array[{oids}]::oid[]) as t (oid)"
    )


def changed_since(counted: str) -> str:
    """Return the question which tables were written to since, each with whether rows changed."""
    return (
        "select string_agg(format('%s %s', t.oid, t.n_changed > b.n_changed), ',') "
        f"from ({counted}) as t inner join pg_temp.counted as b on t.oid = b.oid "
        "where t.n_added > b.n_added or t.n_changed > b.n_changed"
    )


def _candidates(
    scene: Scene,
    persona: Persona,
    function: Function,
    attempt: int,
    relation: Relation,
    changed: bool,
) -> Iterator[Candidate]:
    """Yield what is wrong about it: for a member, only rows of somebody else."""
    belongs_to = scene.belongs_to(relation)
    member = persona in scene.members
    if member and not changed:
        return
    everything = rows_that_are(scene, persona, relation, (Whose.OTHER,)) if member else "true"
    if member and everything == "true":
        return
    new = (
        f" + (select count(*) from {relation.sql} as r where not exists ("
        f"select from {others_of(relation)} as o "
        "where r.tableoid = o.their_table and r.ctid = o.their_place))"
    )
    counted = count_changed(relation)
    if not member:
        counted = f"select ({counted}){new} as rows_written"
    yield Candidate(
        RULE,
        "error" if changed and belongs_to else "warning" if belongs_to else "info",
        persona,
        function.full_name,
        (),
        f"{persona.name} calls {function.full_name}, which "
        + (
            f"changes rows of {scene.other(persona, relation)} in {relation.full_name}"
            if member
            else f"{'changes' if changed else 'adds'} rows of {relation.full_name}"
        ),
        fix_function(persona, function),
        (
            Proof((
                *prepare_arguments(scene, persona, function, attempt),
                *note_down(relation, everything),
                Step(f"select from {call(function)}", persona),
                asked(counted),
            )),
        ),
    )  # fmt: skip
