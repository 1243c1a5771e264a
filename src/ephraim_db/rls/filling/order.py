"""The order in which tables can be filled: what is pointed at comes before what points."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ephraim_db.rls.catalog import ForeignKey, Relation


@dataclass(frozen=True, slots=True)
class Order:
    """Tables in order, and the keys that cannot be met when the row is made: `late`."""

    tables: tuple[Relation, ...]
    late: frozenset[tuple[int, str]]


def order_tables(tables: Iterable[Relation]) -> Order:
    """Order `tables`. Where they point in a circle, keys that may be null are late first."""
    left = {table.oid: table for table in tables}
    done: list[Relation] = []
    late: set[tuple[int, str]] = set()
    while left:
        free = [t for t in left.values() if not _blocked(t, left, late)]
        if not free:
            late |= _to_break(left, late)
            continue
        for table in sorted(free, key=lambda t: t.full_name):
            done.append(left.pop(table.oid))
    return Order(tuple(done), frozenset(late))


def may_be_null(table: Relation, key: ForeignKey) -> bool:
    """Return whether a foreign key can be left out."""
    return any(not column.required for column in table.columns if column.name in key.columns)


def _blocked(
    table: Relation, left: dict[int, Relation], late: set[tuple[int, str]]
) -> list[ForeignKey]:
    return [
        key
        for key in table.foreign_keys
        if key.target in left and key.target != table.oid and (table.oid, key.name) not in late
    ]


def _to_break(left: dict[int, Relation], late: set[tuple[int, str]]) -> set[tuple[int, str]]:
    """Return a key of a table that nothing but keys of a circle holds back, nullable if can be."""
    waiting = [
        (not may_be_null(table, key), len(_blocked(table, left, late)), table.full_name, table, key)
        for table in left.values()
        for key in _blocked(table, left, late)
        if _reaches(left[key.target], table, left, late)
    ]
    *_, table, key = min(waiting, key=lambda one: one[:3])
    return {(table.oid, key.name)}


def _reaches(
    start: Relation, goal: Relation, left: dict[int, Relation], late: set[tuple[int, str]]
) -> bool:
    seen: set[int] = set()
    ways = [start]
    while ways:
        table = ways.pop()
        if table.oid == goal.oid:
            return True
        if table.oid not in seen:
            seen.add(table.oid)
            ways += [left[key.target] for key in _blocked(table, left, late)]
    return False
