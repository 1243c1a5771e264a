"""Prove that this run could have failed: each persona is let do what a policy of ours allows, and
stopped where it forbids, through the same probes as everything else.
"""

from __future__ import annotations

from typing import Any

import psycopg

from ephraim_db.errors import CannotProbe
from ephraim_db.rls.asking import Act, ask
from ephraim_db.rls.personas import Personas
from ephraim_db.rls.prober import MAY_BYPASS
from ephraim_db.rls.probes import Answer, Probe, Question

_TABLE = """
create table pg_temp.ephraim_control (n integer, role text);
insert into pg_temp.ephraim_control values (1, null), (2, 'nobody');
alter table pg_temp.ephraim_control enable row level security;
create policy "what is nobody's" on pg_temp.ephraim_control
    using (role is null) with check (role is null);
grant select, insert on pg_temp.ephraim_control to public;
"""
_SEES = Question("SELECT", "rows")
_ADDS = Question("INSERT", "replay", "allowed")
_ADDS_MORE = Question("INSERT", "replay", "forbidden")
_NOBODYS = "select null::integer[]"
_PROBES = (
    Probe((_SEES,), "select array_agg(c.n) from pg_temp.ephraim_control as c"),
    Probe((_ADDS,), "insert into pg_temp.ephraim_control values (3, null)", _NOBODYS),
    Probe((_ADDS_MORE,), "insert into pg_temp.ephraim_control values (4, 'nobody')", _NOBODYS),
)
_REMEDY = (
    "so this run would prove nothing. Look at what the role may do: it, or a role it is a member "
    "of, must not be a superuser, have BYPASSRLS or own the tables"
)


def control(connection: psycopg.Connection[Any], personas: Personas) -> None:
    """Raise CannotProbe unless a policy that allows allows, and one that forbids forbids.

    It takes a table of its own, in the caller's transaction.
    """
    connection.execute(_TABLE)
    answers = ask(connection, "public", [Act(p, _PROBES) for p in personas.everyone])
    for persona, told in zip(personas.everyone, answers, strict=True):
        by_question = {answer.question: answer for answer in told}
        holds = persona.role not in MAY_BYPASS
        if problem := _problem(by_question, holds=holds):
            raise CannotProbe(
                f'persona {persona.name}, role "{persona.role}": {problem}, {_REMEDY}'
            )


def _problem(answers: dict[Question, Answer], *, holds: bool) -> str | None:
    sees, adds, adds_more = (answers.get(q) for q in (_SEES, _ADDS, _ADDS_MORE))
    if sees is None or sees.sqlstate or 1 not in sees.numbers:
        return "a control table's policy shows it a row, and it does not see it"
    if adds is None or not adds.passed:
        return "a control table's policy lets it add a row, and it cannot"
    if holds and 2 in sees.numbers:
        return "it sees a row of a control table that the policy hides"
    if holds and (adds_more is None or adds_more.passed):
        return "it adds a row to a control table that the policy forbids"
    return None
