"""definer-function-writes: a function changes rows that its caller could not change.

rows changed, by table: counted before and after the call, as Postgres counts them itself
"""

from __future__ import annotations

from collections.abc import Iterator

from ephraim_db.rls.catalog import Relation
from ephraim_db.rls.findings.arguments import TRIES, call, prepare_arguments
from ephraim_db.rls.findings.attempting import Step, asked
from ephraim_db.rls.findings.calling import worth_calling
from ephraim_db.rls.findings.candidates import Candidate, Proof
from ephraim_db.rls.findings.fixing import fix_function
from ephraim_db.rls.findings.others import NOTED, count_changed, note_down, rows_that_are
from ephraim_db.rls.findings.scene import Scene
from ephraim_db.rls.functions import Function
from ephraim_db.rls.ownership import Whose
from ephraim_db.rls.personas import Persona

RULE = "definer-function-writes"
COUNTED = (
    "select t.relid, t.n_tup_ins, t.n_tup_upd + t.n_tup_del as n_changed "
    "from pg_catalog.pg_stat_xact_user_tables as t"
)
CHANGED = (
    "select string_agg(format('%s %s', t.relid::oid, t.n_changed > coalesce(b.n_changed, 0)), ',') "  # noqa: S608
    f"from ({COUNTED}) as t left join pg_temp.counted as b on t.relid = b.relid "
    "where t.n_tup_ins > coalesce(b.n_tup_ins, 0) or t.n_changed > coalesce(b.n_changed, 0)"
)


def find(scene: Scene) -> Iterator[Candidate]:
    """Call each function as each client, and ask which tables have been written to."""
    for persona in (*scene.anonymous, *scene.judged_members):
        calls = [
            (function, attempt)
            for function in worth_calling(scene, persona)
            if function.volatility == "v"
            for attempt in range(TRIES)
        ]
        attempts = [
            (
                *prepare_arguments(scene, persona, function, attempt),
                Step(f"create temp table counted on commit drop as {COUNTED}"),
                Step(f"select from {call(function)}", persona),
                asked(CHANGED),
            )
            for function, attempt in calls
        ]
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
        f" + (select count(*) from {relation.sql} as r where not exists ("  # noqa: S608
        f"select from {NOTED} as o where r.tableoid = o.their_table and r.ctid = o.their_place))"
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
