"""The probes that tables and views share: to read columns, and to add rows that exist again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ephraim_db.rls.catalog import Column, Privileges, Relation, quote
from ephraim_db.rls.ownership import Ownership
from ephraim_db.rls.personas import Persona
from ephraim_db.rls.probes import Answer, Probe, Question
from ephraim_db.rls.rows import MOST_ROWS, Rows

NO_WITNESS = "select null::integer[]"
READ = Question("SELECT", "read")
ROWS = Question("SELECT", "rows")
DEFAULTS = Question("INSERT", "replay")


def refused_reads(relation: Relation, privileges: Privileges) -> Iterator[Probe]:
    """Yield one SELECT of each column that was not granted."""
    for name in relation.column_names:
        if name not in privileges.select:
            yield _read(relation, [name], Question("SELECT", "read", name))


def reads(rows: Rows, privileges: Privileges, numbers: str, source: str) -> Iterator[Probe]:
    """Yield one SELECT of all granted columns `r`, which tells the `numbers` of the rows."""
    granted = [c for c in rows.relation.column_names if c in privileges.select]
    if granted:
        counts = ", ".join(f"count(r.{quote(name)})" for name in granted)
        sql = f"select array_agg({numbers}), {counts} from {source}"
        yield Probe((READ, ROWS), sql, until="untroubled", joint=True)


def reads_again(
    rows: Rows, privileges: Privileges, firsts: Iterable[Answer], numbers: str, source: str
) -> Iterator[Probe]:
    """Yield one SELECT of each granted column, and one for the rows, if all together failed."""
    if any(answer.question == ROWS for answer in firsts):
        return
    granted = [c for c in rows.relation.column_names if c in privileges.select]
    for name in granted:
        yield _read(rows.relation, [name], Question("SELECT", "read", name))
    if granted:
        yield Probe((ROWS,), f"select array_agg({numbers}) from {source}")


def _read(relation: Relation, columns: Sequence[str], question: Question) -> Probe:
    counts = ", ".join(f"count(q.{quote(name)})" for name in columns)
    names = ", ".join(f"r.{quote(name)}" for name in columns)
    source = f"(select {names} from {relation.sql} as r limit 1) as q"
    return Probe((question,), f"select array[{counts}]::integer[] from {source}")


def adds_nothing(relation: Relation) -> Probe:
    """Return an INSERT of defaults only: who was granted no column is refused whatever it adds."""
    sql = f"insert into {relation.sql} default values"
    return Probe((DEFAULTS,), sql, NO_WITNESS)


def replays(
    persona: Persona, rows: Rows, privileges: Privileges, ownership: Ownership
) -> Iterator[Probe]:
    """Yield INSERTs of rows that exist: a duplicate key then says that every policy let it pass.

    Where one succeeds, the witness tells whose the new row is: a default or trigger may decide.
    """
    relation = rows.relation
    granted = tuple(c for c in relation.columns if c.written and c.name in privileges.insert)
    if granted and not rows.total:
        yield adds_nothing(relation)
    if not granted or not rows.total:
        return
    witness = NO_WITNESS
    if relation.has_places and rows.total <= MOST_ROWS:
        witness = (
            f"select array_agg({ownership.class_of_row(relation, persona)}) "
            f"from {relation.sql} as r where not exists (select from {rows.table} as v "
            "where r.tableoid = v.part and r.ctid = v.place)"
        )
    for whose in rows.kinds(persona):
        choices = _column_choices(relation, granted, ownership)
        for at, n in enumerate(rows.examples(persona, whose)):
            for columns in choices if at == 0 else choices[:1]:
                names = ", ".join(quote(c.name) for c in columns)
                values = ", ".join(f"(v.image).{quote(c.name)}" for c in columns)
                yield Probe(
                    (Question("INSERT", "replay", whose=whose),),
                    f"insert into {relation.sql} ({names}) "
                    f"select {values} from {rows.table} as v where v.n = $1",
                    witness,
                    numbers=(n,),
                )


def _column_choices(
    relation: Relation, granted: tuple[Column, ...], ownership: Ownership
) -> tuple[tuple[Column, ...], ...]:
    """Return which columns to name: with a key of its own, verbatim, and as few as possible."""
    telling = ownership.telling_columns(relation)
    keyless = tuple(c for c in granted if c.name not in relation.primary_key or not c.has_default)
    least = tuple(c for c in granted if (c.required and not c.has_default) or c.name in telling)
    return tuple(dict.fromkeys(choice for choice in (keyless, granted, least) if choice))
