"""One row to be made: what each column may be, most likely first, and what to try when refused."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice, product

from ephraim_db.rls.catalog import Relation, quote
from ephraim_db.rls.filling.facts import Rule
from ephraim_db.rls.personas import Persona

MOST_TRIES = 250
CHECK, UNIQUE, NOT_NULL, FOREIGN = "23514", "23505", "23502", "23503"


@dataclass(frozen=True, slots=True)
class Refusal:
    """What Postgres said to a row: never the row itself."""

    sqlstate: str
    constraint: str = ""
    column: str = ""

    def __str__(self) -> str:
        """Name the code, and the constraint or column."""
        where = f", constraint {self.constraint}" if self.constraint else ""
        where = where or (f", column {self.column}" if self.column else "")
        return f"SQLSTATE {self.sqlstate}{where}"


@dataclass(slots=True)
class Draft:
    """A row for one person. `choices` are SQL expressions; `fixed` columns say whose row it is.

    `optional` columns are left out when a row as small as can be is tried.
    """

    relation: Relation
    persona: Persona
    choices: dict[str, tuple[str, ...]]
    fixed: frozenset[str]
    optional: frozenset[str]
    rules: tuple[Rule, ...]
    is_first: bool = True
    chosen: dict[str, int] = field(default_factory=dict)
    as_nobody: bool = False
    is_least: bool = False
    untriggered: tuple[str, ...] = ()
    refusal: Refusal | None = None
    _tries: dict[str, Iterator[tuple[int, ...]]] = field(default_factory=dict)

    @property
    def attempt(self) -> dict[str, str]:
        """Return what the database is sent."""
        claims = "" if self.as_nobody else self.persona.jwt_claims
        return {"claims": claims, "sql": self.sql}

    @property
    def sql(self) -> str:
        """Return the INSERT."""
        names = [c for c in self.choices if not (self.is_least and c in self.optional)]
        values = ", ".join(self.choices[name][self.chosen.get(name, 0)] for name in names)
        columns = ", ".join(quote(name) for name in names)
        into = f"insert into {self.relation.sql}"
        insert = f"{into} ({columns}) values ({values})" if names else f"{into} default values"
        table, triggers = self.relation.sql, [quote(name) for name in self.untriggered]
        if not triggers:
            return insert
        off = "".join(f"alter table {table} disable trigger {name};" for name in triggers)
        on = "".join(f"alter table {table} enable trigger {name};" for name in triggers)
        checked = "set constraints all immediate;"  # with checks due, no trigger can be switched
        return f"{checked}{off}{insert};{checked}{on}set constraints all deferred"

    def change(self, refusal: Refusal, triggers: Sequence[str]) -> bool:
        """Choose what to try after a refusal; False if there is nothing left to try."""
        if not self.untriggered:
            self.refusal = refusal
        if refusal.sqlstate in (CHECK, UNIQUE, NOT_NULL, FOREIGN) and self._choose_other(refusal):
            return True
        if refusal.sqlstate == UNIQUE:
            return False
        if not self.as_nobody:
            self.as_nobody = True
        elif not self.is_least and self.optional:
            self.is_least = True
        elif triggers and not self.untriggered:
            self.untriggered = tuple(triggers)
            self.is_least = False
        else:
            return False
        return True

    def _choose_other(self, refusal: Refusal) -> bool:
        rule = next((r for r in self.rules if r.name == refusal.constraint), None)
        columns = rule.columns if rule else (refusal.column,) if refusal.column else ()
        for key in self.relation.foreign_keys:
            if refusal.sqlstate == FOREIGN and key.name == refusal.constraint:
                columns = key.columns
        if refusal.sqlstate == UNIQUE and rule is None:  # of a trigger's: home and away are one?
            columns = self._alike
        movable = [c for c in columns if len(self.choices.get(c, ())) > 1]
        if rule is not None and rule.is_key:
            movable = [c for c in movable if c not in self.fixed]
        if not movable:
            return False
        name = refusal.constraint or refusal.column
        tries = self._tries.setdefault(name, self._combinations(movable))
        following = next(tries, None)
        if following is None:
            return False
        self.chosen.update(zip(movable, following, strict=True))
        return True

    @property
    def _alike(self) -> tuple[str, ...]:
        """Return the columns that point at one table together."""
        targets = [k.target for k in self.relation.foreign_keys if len(k.columns) == 1]
        return tuple(
            key.columns[0]
            for key in self.relation.foreign_keys
            if len(key.columns) == 1 and targets.count(key.target) > 1
        )

    def _combinations(self, columns: Sequence[str]) -> Iterator[tuple[int, ...]]:
        """Yield other choices for `columns`: those first that change least."""
        most = {1: MOST_TRIES, 2: 24, 3: 9}.get(len(columns), 3)
        ranges = [_most_telling(len(self.choices[c]), most) for c in columns]
        ranks = sorted(product(*(range(len(one)) for one in ranges)), key=sum)
        for rank in islice(ranks, 1, MOST_TRIES):
            yield tuple(one[at] for one, at in zip(ranges, rank, strict=True))


def _most_telling(count: int, most: int) -> list[int]:
    """Return `most` of `count` choices: the first, the last, which may be null, the second, ..."""
    return list(dict.fromkeys((0, count - 1, *range(1, count))))[:most]


def as_json(drafts: Sequence[Draft]) -> str:
    """Return what the database is sent for several rows."""
    return json.dumps([draft.attempt for draft in drafts])
