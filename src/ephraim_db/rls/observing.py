"""Run the probes: one connection, one transaction, rolled back whatever happens.

catalog -> rows copied -> per persona and relation: first round -> second round -> Observed
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg

from ephraim_db.rls.catalog import (
    Catalog,
    Privileges,
    Relation,
    quote,
    read_catalog,
    read_privileges,
    read_sql,
)
from ephraim_db.rls.ownership import Ownership, Whose
from ephraim_db.rls.personas import Persona, Personas
from ephraim_db.rls.prober import become_able, refuse_the_unprobeable
from ephraim_db.rls.probes import Answer, Probe, Question
from ephraim_db.rls.rows import Rows, copy_rows
from ephraim_db.rls.table_probes import TableProbes
from ephraim_db.rls.view_probes import ViewProbes

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Observed:
    """What one persona could do with one relation. `kinds`: whose rows there can be at all."""

    persona: Persona
    relation: Relation
    privileges: Privileges
    rows: Rows
    kinds: tuple[Whose, ...]
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class Observation:
    """Everything observed, and what it was observed with, while the transaction is open."""

    connection: psycopg.Connection[Any]
    personas: Personas
    catalog: Catalog
    privileges: dict[tuple[str, int], Privileges]
    ownership: Ownership
    observed: tuple[Observed, ...]


def observe(
    connection: psycopg.Connection[Any],
    personas: Personas,
    on_progress: Progress = lambda _message: None,
) -> list[Observed]:
    """Probe as `observing` does, and roll all of it back at once."""
    with observing(connection, personas, on_progress) as observation:
        return list(observation.observed)


@contextmanager
def observing(
    connection: psycopg.Connection[Any],
    personas: Personas,
    on_progress: Progress = lambda _message: None,
) -> Iterator[Observation]:
    """Probe every relation of the exposed schemas as every persona; afterwards, roll it all back.

    Sequences are the exception: what a default takes from one stays taken. Raises CannotProbe if
    the connection's role may not become a persona or would not see every row, and if a persona is
    one whom RLS does not hold.
    """
    with _rolled_back(connection):
        catalog = read_catalog(connection)
        relations = catalog.exposed(personas.schemas)
        refuse_the_unprobeable(connection, personas, relations)
        become_able(connection, [persona.role for persona in personas.everyone])
        privileges = read_privileges(connection, [p.role for p in personas.everyone], relations)
        ownership = Ownership(catalog, personas.boundary)
        connection.execute(read_sql("probe.sql"))
        found = []
        for relation in relations:
            on_progress(f"probing {relation.full_name}")
            rows = copy_rows(connection, relation, personas.everyone, ownership)
            bonds = " ".join(
                f"alter table {other.sql} drop constraint {quote(key.name)};"
                for other, key in catalog.pointing_at(relation)
            )
            for persona in personas.everyone:
                granted = privileges.get((persona.role, relation.oid), Privileges())
                answers = _ask(connection, persona, rows, granted, ownership, bonds)
                kinds = ownership.kinds(relation, persona)
                found.append(Observed(persona, relation, granted, rows, kinds, tuple(answers)))
        yield Observation(connection, personas, catalog, privileges, ownership, tuple(found))


@contextmanager
def _rolled_back(connection: psycopg.Connection[Any]) -> Iterator[None]:
    with connection.transaction(force_rollback=True):
        for setting in (
            "statement_timeout = '60s'",
            "lock_timeout = '5s'",
            "row_security = on",
            "client_min_messages = error",
        ):
            connection.execute(f"set local {setting}")
        yield


def _ask(
    connection: psycopg.Connection[Any],
    persona: Persona,
    rows: Rows,
    privileges: Privileges,
    ownership: Ownership,
    bonds: str,
) -> list[Answer]:
    if rows.failure:
        return []
    probes: TableProbes | ViewProbes = ViewProbes(persona, rows, privileges, ownership)
    if rows.relation.has_places:
        probes = TableProbes(persona, rows, privileges, ownership, bonds)
    first = _run(connection, persona, rows.relation, probes.first_round())
    return first + _run(connection, persona, rows.relation, probes.second_round(first))


def _run(
    connection: psycopg.Connection[Any],
    persona: Persona,
    relation: Relation,
    probes: Iterable[Probe],
) -> list[Answer]:
    batch = list(probes)
    if not batch:
        return []
    questions = list(dict.fromkeys(probe.question for probe in batch))
    number = {question: at for at, question in enumerate(questions)}
    sent = [
        {
            "question": number[probe.question],
            "sql": probe.sql,
            "witness": probe.witness,
            "setup": probe.setup,
            "asked_once": probe.asked_once or None,
            "must_tell": probe.must_tell or None,
        }
        for probe in batch
    ]
    settings = {
        "request.jwt.claims": persona.jwt_claims,
        "search_path": f"{quote(relation.schema)}, public, extensions",
    }
    try:
        with connection.transaction():
            row = connection.execute(
                "select pg_temp.ephraim_probe(%s, %s, %s)",
                (persona.role, json.dumps(settings), json.dumps(sent)),
            ).fetchone()
    except psycopg.errors.QueryCanceled as slow:
        return [Answer(q, slow.sqlstate, None, frozenset(), False) for q in questions]
    return [_answer(questions, told) for told in (row[0] if row else ())]


def _answer(questions: Sequence[Question], told: dict[str, Any]) -> Answer:
    return Answer(
        questions[told["question"]],
        told["sqlstate"],
        told["touched"],
        frozenset(told["numbers"] or ()),
        told["constrained"],
    )
