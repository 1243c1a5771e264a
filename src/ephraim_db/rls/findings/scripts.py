"""The script that shows a finding again: the very steps that proved it, as psql runs them.

-- ann reads rows of another organization in public.notes
begin;
select set_config('request.jwt.claims', '{"role": "authenticated", "sub": "..."}', true);
set local role "authenticated";
select count(*) from ...;
rollback;
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from psycopg.sql import Literal

from ephraim_db.rls.catalog import quote
from ephraim_db.rls.findings.attempting import Step
from ephraim_db.rls.personas import Persona

ROWS = "-- rows, because the database has none"
FOUND = "-- what was found"


def write_script(title: str, made: Iterable[str], steps: Iterable[Step]) -> str:
    """Return a script for psql; whoever runs it must be let become the persona.

    `made` are the statements that make rows where the database has none.
    """
    rows = [ROWS, *made, FOUND]
    lines = [f"-- {title}", "begin;", *(rows if len(rows) > 2 else []), *_body(steps), "rollback;"]
    return "\n".join(lines) + "\n"


def without_rows(script: str) -> tuple[str, int]:
    """Return a script without the statements that make rows, and how many lines these are."""
    before, _, made = script.partition(f"\n{ROWS}\n")
    made, _, after = made.rpartition(f"\n{FOUND}\n")
    return (f"{before}\n{after}", made.count("\n") + 1) if made else (script, 0)


def _body(steps: Iterable[Step]) -> Iterator[str]:
    acting: Persona | None = None
    for persona, mine in groupby(steps, key=lambda step: step.persona):
        if persona:
            if acting:
                yield "reset role;"
            claims = Literal(persona.jwt_claims).as_string(None).strip()
            yield f"select set_config('request.jwt.claims', {claims}, true);"
            yield f"set local role {quote(persona.role)};"
        elif acting:
            yield "reset role;"
        acting = persona
        for step in mine:
            yield from _undone(step.sql) if step.undone else (f"{step.sql};",)


def _undone(sql: str) -> tuple[str, ...]:
    return "savepoint before;", f"{sql};", "rollback to savepoint before;"
