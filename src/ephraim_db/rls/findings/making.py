"""The rows made for the run, again: a script must find what the proof found.

Only those of relations that the proof names, or a function that it calls, and of those that these
lean on: that their foreign keys point at, that views and partitioned tables are made of, and that
their policies and triggers look at.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from psycopg.sql import Literal

from ephraim_db.rls.findings.attempting import Step
from ephraim_db.rls.findings.scene import Scene

TARGET = re.compile(r'(?:insert into|update|alter table) ("(?:[^"]|"")+"\."(?:[^"]|"")+")')


def made_rows(scene: Scene, steps: Iterable[Step]) -> Iterator[str]:
    """Yield the statements that make the rows a proof needs, none if there were rows."""
    statements = scene.observation.filled.statements
    if not statements:
        return
    text = " ".join(step.sql for step in steps)
    catalog = scene.observation.catalog.relations
    called = [f.oid for f in scene.facts.functions.values() if f"{f.sql}(" in text]
    named = scene.facts.named_in(scene.facts.called(called), catalog.values())
    needed = _needed(scene, [*named, *(oid for oid, r in catalog.items() if r.sql in text)])
    acting = ""
    for claims, sql in statements:
        target = TARGET.match(sql)
        if target and target[1] not in needed:
            continue
        if claims != acting:
            acting = claims
            yield f"select set_config('request.jwt.claims', {_literal(claims)}, true);"
        yield f"{sql};"
    if acting:
        yield "select set_config('request.jwt.claims', '', true);"


def _needed(scene: Scene, relations: Iterable[int]) -> frozenset[str]:
    catalog = scene.observation.catalog.relations
    found: set[int] = set()
    todo = [*relations]
    users = scene.observation.catalog.named("auth", "users")
    todo += [users.oid] if users else []
    wholes = {part: r.oid for r in catalog.values() if r.kind == "partitioned" for part in r.reads}
    while todo:
        oid = todo.pop()
        if oid in found or oid not in catalog:
            continue
        found.add(oid)
        todo += [key.target for key in catalog[oid].foreign_keys]
        todo += (*catalog[oid].reads, *((wholes[oid],) if oid in wholes else ()))
        todo += scene.facts.looked_at(oid, catalog.values())
        triggers = scene.facts.called(scene.table(catalog[oid]).trigger_functions)
        todo += scene.facts.named_in(triggers, catalog.values())
    return frozenset(catalog[oid].sql for oid in found)


def _literal(text: str) -> str:
    return Literal(text).as_string(None).strip()
