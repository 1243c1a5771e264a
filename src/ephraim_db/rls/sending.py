"""What is sent to the database for one round trip: acts, their probes as arrays, the statements.

acts --SQL, and parameters--> pg_temp.ephraim_probe (probe.sql)
     a number for each statement: what comes again is planned once a role, see kept.py
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ephraim_db.rls.catalog import quote
from ephraim_db.rls.kept import Statements

if TYPE_CHECKING:
    from ephraim_db.rls.asking import Act
    from ephraim_db.rls.probes import Probe, Question

Call = tuple[str, tuple[str | None, ...]]
"""A statement and its parameters."""


def call_of(schema: str, acts: Sequence[Act]) -> Call:
    """Return the call that carries the acts out; `schema` is looked in first for bare names."""
    path = f"{quote(schema)}, public, extensions"
    statements = Statements(
        (act.persona.role, probe) for act in acts for probe in (() if act.setup else act.probes)
    )
    sent: list[dict[str, Any]] = []
    asked: list[int] = []
    table: list[tuple[int | str, ...]] = []
    for act in acts:
        number: dict[Question, int] = {}
        first = len(table) + 1
        table += _rows(act, statements, number, asked)
        sent.append(
            {
                "role": act.persona.role,
                "settings": {"request.jwt.claims": act.persona.jwt_claims, "search_path": path},
                "setup": act.setup,
                "questions": len(number),
                "first": first,
                "last": len(table),
            }
        )
    told = json.dumps(sent), statements.routine, json.dumps(statements.others)
    arrays = _array(asked), *map(_array, zip(*table, strict=True))
    places = ", ".join(["%s"] * (len(told) + len(arrays)))
    return f"select * from pg_temp.ephraim_probe({places})", (*told, *arrays)


def _rows(
    act: Act, statements: Statements, number: dict[Question, int], asked: list[int]
) -> Iterator[tuple[int | str, ...]]:
    """Yield what each probe is, as probe.sql lists it, and note what it asked; 0 is for none."""
    role = act.persona.role
    for probe in act.probes:
        asked += [number.setdefault(q, len(number) + 1) for q in probe.questions]
        yield (
            len(asked),
            statements.number(role, probe.sql),
            statements.number("", probe.witness) if probe.witness else 0,
            statements.other(probe.setup) if probe.setup else 0,
            *(*probe.numbers, 0, 0)[:2],
            probe.until,
            _telling(probe),
        )


def _telling(probe: Probe) -> str:
    if probe.told:
        return "told"
    return "must_tell" if probe.questions[0].must_tell else "plain"


def _array(values: Iterable[object]) -> str:
    return "{" + ",".join(map(str, values)) + "}"
