"""Send probes to the database together, and sort the answers that come back.

acts (a persona's probes on one relation) --one round trip--> answers for each
     statements that come again: planned once a role, see kept.py
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from ephraim_db.rls.catalog import quote, read_sql
from ephraim_db.rls.kept import Statements
from ephraim_db.rls.personas import Persona
from ephraim_db.rls.probes import Answer, Probe, Question

CANCELED = "57014"


@dataclass(frozen=True, slots=True)
class Act:
    """What a persona attempts, one after the other; `setup` is done before and undone after."""

    persona: Persona
    probes: Sequence[Probe]
    setup: str | None = None


def prepare(connection: psycopg.Connection[Any]) -> None:
    """Make the routine that probes, for this transaction."""
    connection.execute(read_sql("probe.sql"))


def ask(
    connection: psycopg.Connection[Any], schema: str, acts: Iterable[Act]
) -> list[tuple[Answer, ...]]:
    """Return the answers to each act; `schema` is looked in first for names that are bare.

    All acts share one `statement_timeout`. A probe that alone takes longer is answered with
    SQLSTATE 57014.
    """
    wanted = list(acts)
    if not any(act.probes for act in wanted):
        return [() for _ in wanted]
    answers: list[list[Answer]] = [[] for _ in wanted]
    at, start = 0, 0
    while at < len(wanted):
        resume = None
        rows = _send(connection, schema, wanted[at:], start)
        for count, (act, number, state, touched, numbers, constrained) in enumerate(rows):
            here, place = at + act - 1, number - 1 + (start if act == 1 else 0)
            if state == CANCELED and count:  # once more, with the time to itself
                resume = here, max(place, 0)
                break
            if number:
                told = _told(wanted[here].probes[place], state, touched, numbers, constrained)
                answers[here] += told
            if state == CANCELED:
                resume = (here, place + 1) if number else (here + 1, 0)
        if resume is None:
            break
        at, start = resume
    return [tuple(told) for told in answers]


def _told(
    probe: Probe,
    state: str | None,
    touched: int | None,
    numbers: list[int] | None,
    constrained: bool,
) -> Iterator[Answer]:
    found = frozenset(numbers or ())
    for question in probe.questions:
        answer = Answer(question, state, touched, found, constrained, probe)
        if not probe.joint or (state is None and (answer.passed or probe.until == "untroubled")):
            yield answer


def _send(
    connection: psycopg.Connection[Any], schema: str, acts: Sequence[Act], start: int
) -> list[tuple[Any, ...]]:
    sent, path = [], f"{quote(schema)}, public, extensions"
    statements = Statements(
        (act.persona.role, probe) for act in acts for probe in (() if act.setup else act.probes)
    )
    for act in acts:
        number: dict[Question, int] = {}
        role, asked = act.persona.role, act.probes[start if act is acts[0] else 0 :]
        sent.append(
            {
                "role": role,
                "settings": {"request.jwt.claims": act.persona.jwt_claims, "search_path": path},
                "setup": act.setup,
                "probes": [_as_json(probe, role, statements, number) for probe in asked],
            }
        )
    return connection.execute(
        "select * from pg_temp.ephraim_probe(%s, %s, %s)",
        (json.dumps(sent), statements.routine, statements.others),
    ).fetchall()


def _as_json(
    probe: Probe, role: str, statements: Statements, number: dict[Question, int]
) -> dict[str, Any]:
    numbers = [number.setdefault(question, len(number)) for question in probe.questions]
    known: dict[str, Any] = {
        "questions": "{" + ",".join(map(str, numbers)) + "}",
        "sql": statements.number(role, probe.sql),
    }
    if probe.witness is not None:
        known["witness"] = statements.number("", probe.witness)
    if probe.numbers:
        known["n"], known["m"] = (*probe.numbers, None)[:2]
    if probe.setup is not None:
        known["setup"] = probe.setup
    if probe.until != "passed":
        known["until"] = probe.until
    if probe.told:
        known["told"] = True
    if probe.questions[0].must_tell:
        known["must_tell"] = True
    return known
