"""Who may take from a sequence, and who may set it, asked without taking anything.

In a transaction that is read-only, Postgres checks the privilege first and objects afterwards: so
SQLSTATE 25006 says that it was granted, and nothing is used up.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import psycopg
from psycopg.sql import Literal

from ephraim_db.rls.asking import Act, ask
from ephraim_db.rls.catalog import quote, read_sql
from ephraim_db.rls.ownership import Whose
from ephraim_db.rls.personas import Persona, Personas
from ephraim_db.rls.probes import Answer, Command, Probe, Question
from ephraim_db.rls.probing import INSUFFICIENT_PRIVILEGE
from ephraim_db.rls.uses import Use
from ephraim_db.rls.verdicts import BY_GRANT, Verdict

READ_ONLY = "25006"
CALLS: dict[Command, str] = {
    "NEXTVAL": "select array[nextval({})]::integer[]",
    "SETVAL": "select array[setval({}, 1)]::integer[]",
}


def use_sequences(connection: psycopg.Connection[Any], personas: Personas) -> Iterator[Use]:
    """Yield what each persona may do with each sequence of the exposed schemas."""
    connection.execute(read_sql("sequences.sql"))
    named = connection.execute(
        "select * from pg_temp.ephraim_sequences(%s)", (list(personas.schemas),)
    ).fetchall()
    by_role = {persona.role: persona for persona in reversed(personas.everyone)}
    acts = [Act(one, _probes(*name)) for name in named for one in by_role.values()]
    answers = iter(ask(connection, personas.schemas[0], acts))
    for schema, name in named:
        told = {role: next(answers) for role in by_role}
        yield from _uses(f"{schema}.{name}", personas.everyone, told)


def _probes(schema: str, name: str) -> tuple[Probe, ...]:
    sequence = f"{Literal(f'{quote(schema)}.{quote(name)}').as_string(None)}::regclass"
    read_only = "set local transaction_read_only = on"
    return tuple(
        Probe((Question(command, "call"),), call.format(sequence), setup=read_only)
        for command, call in CALLS.items()
    )


def _uses(
    name: str, personas: Sequence[Persona], told: dict[str, tuple[Answer, ...]]
) -> Iterator[Use]:
    for persona in personas:
        for answer in told[persona.role]:
            yield Use(persona.name, name, "sequence", answer.question.command, _verdict(answer))


def _verdict(answer: Answer) -> Verdict:
    if answer.sqlstate == READ_ONLY:
        return Verdict("allowed", Whose.OTHER)
    if answer.sqlstate == INSUFFICIENT_PRIVILEGE:
        return BY_GRANT
    return Verdict("error", sqlstate=answer.sqlstate)
