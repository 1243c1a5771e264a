"""Mutants that a team knows go unnoticed, and why that is right: the [[unnoticed]] of rls.toml.

[[unnoticed]]
mutant = 'policy "managers *" on public.*: is for all commands'   # * stands for anything
reason = "Managers are staff, who may read everything that this adds."

[[unnoticed]]
mutant = "trigger tests_limit on public.tests: is gone"
against = "contract"                                              # a command has to notice it
reason = "How often, not by whom: tests/test_limits.py notices."
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

from ephraim_db.errors import InvalidPersonas

KEYS = {
    "mutant": "write what `rls mutate` calls it; * stands for anything",
    "reason": "say why nothing needs to notice",
}


@dataclass(frozen=True, slots=True)
class Unnoticed:
    """Which mutants are accepted, by their titles, and why; only by the contract, if it says so."""

    mutant: str
    reason: str
    against: Literal["contract"] | None = None

    def holds_for(self, title: str) -> bool:
        """Return whether it is about the mutant of that title."""
        return fnmatchcase(title, self.mutant.replace("[", "[[]"))


def read_unnoticed(path: Path, tables: object) -> tuple[Unnoticed, ...]:
    """Read the value of `unnoticed`. Raises InvalidPersonas naming the key and what to write."""
    if not isinstance(tables, list):
        raise InvalidPersonas(path, "unnoticed", "takes tables: write [[unnoticed]]")
    return tuple(_read(path, f"unnoticed[{at}]", one) for at, one in enumerate(tables))


def _read(path: Path, key: str, table: object) -> Unnoticed:
    if not isinstance(table, dict):
        raise InvalidPersonas(path, key, "is not a table: write [[unnoticed]]")
    known = (*KEYS, "against")
    for name in table:
        if name not in known:
            raise InvalidPersonas(
                path, f"{key}.{name}", f"is not known here: use {', '.join(known)}"
            )
    for name, what in KEYS.items():
        if not isinstance(table.get(name), str) or not table[name].strip():
            raise InvalidPersonas(path, f"{key}.{name}", f"is missing: {what}")
    if table.get("against", "contract") != "contract":
        raise InvalidPersonas(
            path, f"{key}.against", 'takes "contract", or leave it out: then nothing has to notice'
        )
    return Unnoticed(**table)
