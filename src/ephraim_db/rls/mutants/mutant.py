"""A mutant: the database with one thing broken, and what is known about it beforehand."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mutant:
    """One thing broken by `sql`, which a migration might have said by mistake.

    `operator` is the kind of mistake, `subject` what it was made in, `change` what is otherwise.
    It acts on the relations, functions and sequences with these oids. `roles` are those who can
    notice at all, members included; None is anybody. `wanted` says what would show the difference,
    if it is not seen; `equivalent` why there is none, if that is known from the catalog alone.
    `grants`: it changes who is granted what.
    """

    operator: str
    subject: str
    change: str
    sql: str
    relations: tuple[int, ...] = ()
    functions: tuple[int, ...] = ()
    sequences: tuple[int, ...] = ()
    roles: frozenset[str] | None = None
    wanted: str = ""
    equivalent: str | None = None
    grants: bool = False

    @property
    def key(self) -> str:
        """Return a name that stays the same as long as the mutant does."""
        return hashlib.sha256(self.sql.encode()).hexdigest()[:16]

    @property
    def title(self) -> str:
        """Return what was done, on one line."""
        return f"{self.subject}: {self.change}"
