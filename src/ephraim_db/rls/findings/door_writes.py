"""What somebody may try to write into a door, to get further than before.

UPDATE  a column of one's own row: a flag set, another label, a value that others have
INSERT  a row like one that others have, in one's own name
DELETE  one's own row
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from psycopg.sql import Literal

from ephraim_db.rls.catalog import Column, Relation, quote
from ephraim_db.rls.findings.attempting import Step
from ephraim_db.rls.findings.doors import Doors
from ephraim_db.rls.findings.others import rows_that_are
from ephraim_db.rls.findings.scene import Scene
from ephraim_db.rls.findings.scratch import keep_for, table_for
from ephraim_db.rls.functions import Function
from ephraim_db.rls.ownership import Whose
from ephraim_db.rls.personas import Persona
from ephraim_db.rls.probes import Command

MADE = re.compile(
    r'(?:(insert into) pg_temp\.|create temp table (?!if not exists))("(?:[^"]|"")+"|\w+)'
)
"""A step that puts rows into a table which stays, or makes one that does not."""
MOST_VALUES = 2
MOST_TEMPLATES = 2


@dataclass(frozen=True, slots=True)
class Write:
    """One write: `before` it the prober gets ready. `what` says it in words, after the name.

    A call of a function may write into any of the `doors` that it names.
    """

    door: Relation
    command: Command
    column: str | None
    before: tuple[Step, ...]
    step: Step
    what: str
    function: Function | None = None
    also: tuple[Relation, ...] = ()

    @property
    def doors(self) -> tuple[Relation, ...]:
        """Return where it may be written."""
        return (self.door, *self.also)

    @property
    def kind(self) -> tuple[object, ...]:
        """Return what is written where, whatever the value."""
        return self.door.oid, self.command, self.column, self.function


Path = tuple[Write, ...]
"""Writes that are made one after the other."""


def carried_out(write: Write) -> Iterator[Step]:
    """Yield its steps, after which another write can be carried out as well."""
    yield from write.before
    yield write.step
    for made in filter(None, (MADE.match(step.sql) for step in write.before)):
        yield Step(f"{'delete from' if made[1] else 'drop table'} pg_temp.{made[2]}")


def writes(doors: Doors, persona: Persona, door: Relation, *, seen: bool) -> Iterator[Write]:
    """Yield what to try: what was seen to be allowed, or all that is granted."""
    for column in _columns(doors, persona, door, "UPDATE", seen=seen):
        if doors.matters(door, column.name):
            yield from _updates(doors, persona, door, column)
    insertable = _columns(doors, persona, door, "INSERT", seen=seen)
    if insertable:
        yield from _inserts(doors, persona, door, insertable)
    deletable = (
        doors.scene.allowed(persona, door, "DELETE")
        if seen
        else doors.scene.privileges(persona, door).delete
    )
    if deletable:
        yield Write(
            door,
            "DELETE",
            None,
            _mine(doors, persona, door),
            Step(f"delete from {door.sql} as r{_address(doors, persona, door)}", persona),
            f"removes its row from {door.full_name}",
        )


def _columns(
    doors: Doors, persona: Persona, door: Relation, command: Command, *, seen: bool
) -> tuple[Column, ...]:
    granted = doors.scene.privileges(persona, door)
    names = granted.update if command == "UPDATE" else granted.insert
    if seen:
        cells = doors.scene.allowed(persona, door, command)
        names = frozenset(name for cell in cells for name in cell.columns)
    return tuple(column for column in door.columns if column.written and column.name in names)


def _mine(doors: Doors, persona: Persona, door: Relation) -> tuple[Step, ...]:
    """Return the steps that note down the persona's own row, or any where there is none."""
    own = doors.scene.observation.ownership.class_of_row(door, persona)
    noted = (
        f"insert into {table_for('mine', door)} "
        f"select r.* from {door.sql} as r order by {own} limit 1"
    )
    return keep_for("mine", door), Step(noted)


def _address(doors: Doors, persona: Persona, door: Relation) -> str:
    keys = door.primary_key
    if not keys or not doors.scene.privileges(persona, door).select.issuperset(keys):
        return ""
    here = ", ".join(f"r.{quote(key)}" for key in keys)
    noted = ", ".join(f"m.{quote(key)}" for key in keys)
    return f" where ({here}) in (select {noted} from {table_for('mine', door)} as m)"


def _updates(doors: Doors, persona: Persona, door: Relation, column: Column) -> Iterator[Write]:
    name, address = quote(column.name), _address(doors, persona, door)
    mine = _mine(doors, persona, door)
    for value, before, word in _values(doors, door, column):
        yield Write(
            door,
            "UPDATE",
            column.name,
            (*mine, *before),
            Step(f"update {door.sql} as r set {name} = {value}{address}", persona),
            f"sets {door.full_name}.{column.name} to {word}",
        )


def _values(
    doors: Doors, door: Relation, column: Column
) -> Iterator[tuple[str, tuple[Step, ...], str]]:
    """Yield values, each with what must be done before and a word for it."""
    if column.is_boolean:
        yield "true", (), "true"
        yield "false", (), "false"
        return
    if column.labels:
        for label in column.labels:
            yield f"{_literal(label)}::{column.type}", (), label
        return
    if column.type in ("text", "character varying") and not _points(door, column):
        for word in doors.words:
            yield _literal(word), (), word
    name, mine = quote(column.name), table_for("mine", door)
    chosen = table_for("choice", door)
    for n in range(MOST_VALUES):
        choice = Step(
            f"insert into {chosen} select distinct on (r.{name}::text) r.* "
            f"from {door.sql} as r, {mine} as m "
            f"where r.{name}::text <> coalesce(m.{name}::text, '') "
            f"order by r.{name}::text offset {n} limit 1"
        )
        value = f"(select c.{name} from {chosen} as c)"
        yield value, (keep_for("choice", door), choice), "that of another row"


def _inserts(
    doors: Doors, persona: Persona, door: Relation, insertable: tuple[Column, ...]
) -> Iterator[Write]:
    changes: list[tuple[str, str]] = [("", "")]
    for column in (c for c in insertable if doors.matters(door, c.name)):
        if column.labels or (column.type == "text" and not _points(door, column)):
            changes += [
                (f"{quote(column.name)} = {_literal(word)}", f" with {column.name} {word}")
                for word in (column.labels or doors.words)
            ]
        elif column.is_boolean:
            changes.append((f"{quote(column.name)} = true", f" with {column.name}"))
    columns = [c for c in insertable if c.name not in door.primary_key or not c.has_default]
    names = ", ".join(quote(column.name) for column in columns)
    template = table_for("template", door)
    whom = "itself" if doors.scene.observation.ownership.owner_columns(door) else "a row"
    for change, words in changes:
        for n in range(MOST_TEMPLATES):
            yield Write(
                door,
                "INSERT",
                None,
                in_ones_own_name(doors.scene, persona, door, columns, change, n),
                Step(
                    f"insert into {door.sql} ({names}) select {names} from {template}",
                    persona,
                ),
                f"adds {whom} to {door.full_name}{words}",
            )


def in_ones_own_name(
    scene: Scene,
    persona: Persona,
    door: Relation,
    columns: Sequence[Column],
    change: str = "",
    n: int = 0,
) -> tuple[Step, ...]:
    """Return the steps that put a row like the n-th, others' first, into the door's "template".

    It is then the persona's own, with a key of its own, and with `change`.
    """
    owners = scene.observation.ownership.owner_columns(door) if persona.sub else ()
    settings = [
        f"{quote(c.name)} = {_literal(persona.sub or '')}::{c.type}"
        for c in door.columns
        if c.name in owners
    ]
    settings += [
        f"{quote(c.name)} = gen_random_uuid()"
        for c in columns
        if (c.name,) == door.primary_key and c.type == "uuid" and not _points(door, c)
    ]
    settings += [change] if change else []
    others = rows_that_are(scene, persona, door, (Whose.OTHER,))
    name = table_for("template", door)
    template = Step(
        f"insert into {name} select r.* from {door.sql} as r "
        f"order by ({others}) is true desc offset {n} limit 1"
    )
    update = Step(f"update {name} set {', '.join(settings)}")
    made = keep_for("template", door)
    return (made, template, update) if settings else (made, template)


def _points(door: Relation, column: Column) -> bool:
    return any(column.name in key.columns for key in door.foreign_keys)


def _literal(text: str) -> str:
    return Literal(text).as_string(None).strip()
