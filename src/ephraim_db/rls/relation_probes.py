"""The probes that tables and views share: to read columns, and to add rows that exist again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ephraim_db.rls.catalog import Column, Privileges, Relation, quote
from ephraim_db.rls.ownership import Ownership
from ephraim_db.rls.personas import Persona
from ephraim_db.rls.probes import Answer, Probe, Question
from ephraim_db.rls.rows import MOST_ROWS, Rows


def reads(rows: Rows, privileges: Privileges) -> Iterator[Probe]:
    """Yield one SELECT of all granted columns, and one of each other column."""
    granted = [c for c in rows.relation.column_names if c in privileges.select]
    if granted:
        yield _read(rows, granted, Question("SELECT", "read"))
    for name in rows.relation.column_names:
        if name not in privileges.select:
            yield _read(rows, [name], Question("SELECT", "read", name))


def reads_again(rows: Rows, privileges: Privileges, answers: list[Answer]) -> Iterator[Probe]:
    """Yield one SELECT of each granted column, if all of them together failed."""
    if any(a.sqlstate for a in answers if a.question == Question("SELECT", "read")):
        for name in rows.relation.column_names:
            if name in privileges.select:
                yield _read(rows, [name], Question("SELECT", "read", name))


def _read(rows: Rows, columns: Sequence[str], question: Question) -> Probe:
    counts = ", ".join(f"count(q.{quote(name)})" for name in columns)
    names = ", ".join(f"r.{quote(name)}" for name in columns)
    source = f"(select {names} from {rows.relation.sql} as r limit 1) as q"  # noqa: S608
    return Probe(question, f"select array[{counts}]::integer[] from {source}")  # noqa: S608


def replays(
    persona: Persona, rows: Rows, privileges: Privileges, ownership: Ownership
) -> Iterator[Probe]:
    """Yield INSERTs of rows that exist: a duplicate key then says that every policy let it pass.

    Where one succeeds, the witness tells whose the new row is: a default or trigger may decide.
    """
    relation = rows.relation
    granted = tuple(c for c in relation.columns if c.written and c.name in privileges.insert)
    if not granted or not rows.total:
        sql = f"insert into {relation.sql} default values"
        yield Probe(Question("INSERT", "replay"), sql, "select null::integer[]")
        return
    witness = "select null::integer[]"
    if relation.has_places and rows.total <= MOST_ROWS:
        witness = (
            f"select array_agg({ownership.class_of_row(relation, persona)}) "  # noqa: S608
            f"from {relation.sql} as r where not exists (select from {rows.table} as v "
            "where r.tableoid = v.part and r.ctid = v.place)"
        )
    for whose in rows.kinds(persona):
        for n in rows.examples(persona, whose):
            for columns in _column_choices(relation, granted, ownership):
                names = ", ".join(quote(c.name) for c in columns)
                values = ", ".join(f"(v.image).{quote(c.name)}" for c in columns)
                yield Probe(
                    Question("INSERT", "replay", whose=whose),
                    f"insert into {relation.sql} ({names}) "  # noqa: S608
                    f"select {values} from {rows.table} as v where v.n = {n}",
                    witness,
                )


def _column_choices(
    relation: Relation, granted: tuple[Column, ...], ownership: Ownership
) -> tuple[tuple[Column, ...], ...]:
    """Return which columns to name: with a key of its own, verbatim, and as few as possible."""
    telling = ownership.telling_columns(relation)
    keyless = tuple(c for c in granted if c.name not in relation.primary_key or not c.has_default)
    least = tuple(c for c in granted if (c.required and not c.has_default) or c.name in telling)
    return tuple(dict.fromkeys(choice for choice in (keyless, granted, least) if choice))
