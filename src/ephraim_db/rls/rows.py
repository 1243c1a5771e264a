"""The rows there are to probe with: numbered, and whose each is.

No value of a row is known here: they lie in temporary tables, see copying.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import zip_longest

from ephraim_db.rls.catalog import Column, Relation
from ephraim_db.rls.ownership import Whose
from ephraim_db.rls.personas import Persona

MOST_ROWS = 1_000
"""Rows copied of one relation, and then some of each kind that is not among them."""

MOST_BLIND = 5_000
"""Rows of a relation that may be touched all at once; of a larger one, rows are named."""
MOST_EXAMPLES = 4


@dataclass(frozen=True)
class Rows:
    """The copied rows of a relation. `whose[persona][n - 1]` is whose row n is.

    `values[n - 1]` tells, column by column, which rows have the same value: a hash, None for null;
    `hashes` are those of labels.
    `unlike[persona, kind]` are rows of that kind that differ in which values are null, or in an
    enum or boolean, and then some more. `total` counts the rows there are. `failure` says why they
    could not be read.
    """

    relation: Relation
    total: int
    whose: dict[str, tuple[Whose, ...]]
    values: tuple[tuple[int | None, ...], ...] = ()
    unlike: dict[tuple[str, Whose], tuple[int, ...]] = field(default_factory=dict)
    failure: str | None = None
    why_empty: str | None = None
    hashes: dict[str, int] = field(default_factory=dict)

    @cached_property
    def table(self) -> str:
        """Return SQL for the copied rows, as of a table (n, part, place, image)."""
        return copies_of(self.relation)

    @property
    def sample(self) -> int | None:
        """Return how many rows are copied, if that is not all of them."""
        return len(self.values) if self.total > MOST_ROWS else None

    @property
    def are_many(self) -> bool:
        """Return whether a statement that names no row would touch too many."""
        return self.total > MOST_BLIND

    def examples(self, persona: Persona, whose: Whose, column: str | None = None) -> list[int]:
        """Return the numbers of a few rows that are `whose`, as unlike each other as there are.

        First rows that differ in `column`, if one is given: all states of an enum, if it is one.
        """
        found = self.unlike.get((persona.name, whose), ())
        if column is None:
            return list(found[:MOST_EXAMPLES])
        at = self.relation.column_names.index(column)
        shown = what_shows(self.relation.columns[at])
        first: dict[object, int] = {}
        for n in found:
            first.setdefault(shown(self.values[n - 1][at]), n)
        most = max(MOST_EXAMPLES, len(first))
        return list(dict.fromkeys((*first.values(), *found)))[:most]

    def kinds(self, persona: Persona) -> tuple[Whose, ...]:
        """Return the kinds of which there is a row, narrowest first."""
        return tuple(kind for kind in Whose if (persona.name, kind) in self.unlike)

    def differ(self, column: Column, n: int, other: int) -> bool:
        """Return whether `other` has a value in `column` that row n has not."""
        return self._differ(self.relation.column_names.index(column.name), n, other)

    def is_labelled(self, column: Column, n: int, label: str) -> bool:
        """Return whether row n has this label in `column`."""
        value = self.values[n - 1][self.relation.column_names.index(column.name)]
        return value is not None and value == self.hashes.get(label)

    def most_unlike(self, persona: Persona, n: int, columns: Sequence[Column]) -> list[int]:
        """Return rows that differ from row n in `columns`, the most different first."""
        known = self._known(persona)
        places = [self.relation.column_names.index(column.name) for column in columns]
        different = {m: sum(self._differ(at, n, m) for at in places) for m in known}
        return sorted((m for m in known if different[m]), key=lambda m: -different[m])

    def with_other_value(self, persona: Persona, column: Column, n: int) -> list[int]:
        """Return rows of which each has another value in `column`, of each kind first."""
        at = self.relation.column_names.index(column.name)
        values: dict[int | None, int] = {}
        for m in self._known(persona):
            if self._differ(at, n, m):
                values.setdefault(self.values[m - 1][at], m)
        return list(values.values())

    def _differ(self, at: int, n: int, other: int) -> bool:
        value = self.values[other - 1][at]
        return value is not None and value != self.values[n - 1][at]

    def _known(self, persona: Persona) -> list[int]:
        """Return the example rows of every kind, one of each kind in turn."""
        by_kind = [self.unlike[persona.name, kind] for kind in self.kinds(persona)]
        return [n for turn in zip_longest(*by_kind) for n in turn if n is not None]


TABLES = 2
"""Temporary tables for copies. Each has room for some 1 590 relations."""


def copy_table(relation: Relation) -> str:
    """Return the name of the temporary table that a relation's rows are copied to, of others too.

    Postgres looks through all that a transaction has made whenever a probe is rolled back, so there
    is not a table for each.
    """
    return f"pg_temp.ephraim_rows_{relation.oid % TABLES}"


def copies_of(relation: Relation) -> str:
    """Return SQL for the copied rows of a relation, as of a table (n, part, place, image)."""
    return (
        f"(select n, part, place, image_{relation.oid} as image "
        f"from {copy_table(relation)} where relation = {relation.oid})"
    )


def what_shows(column: Column) -> Callable[[int | None], object]:
    """Return what of a value makes a row unlike others."""
    if column.all_labels:
        return lambda value: value
    return lambda value: value is None
