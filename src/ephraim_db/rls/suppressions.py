"""Findings that a team knows of and accepts: the [[suppressions]] of rls.toml.

[[suppressions]]
rule = "cross-boundary-read"
persona = "platform_admin"          # optional: whom it is about
relation = "public.profiles"        # optional: what it is about
reason = "Platform admins support every organization."
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from ephraim_db.errors import InvalidPersonas


@dataclass(frozen=True, slots=True)
class Suppression:
    """Which findings are accepted, and why; empty means any."""

    rule: str
    reason: str
    persona: str = ""
    relation: str = ""


def read_suppressions(path: Path, tables: object) -> tuple[Suppression, ...]:
    """Read the value of `suppressions`. Raises InvalidPersonas naming the key and what to write."""
    if not isinstance(tables, list):
        raise InvalidPersonas(path, "suppressions", "takes tables: write [[suppressions]]")
    return tuple(_read(path, f"suppressions[{at}]", one) for at, one in enumerate(tables))


def _read(path: Path, key: str, table: object) -> Suppression:
    known = {field.name for field in fields(Suppression)}
    if not isinstance(table, dict):
        raise InvalidPersonas(path, key, "is not a table: write [[suppressions]]")
    for name, value in table.items():
        if name not in known:
            raise InvalidPersonas(
                path, f"{key}.{name}", f"is not known here: use {', '.join(sorted(known))}"
            )
        if not isinstance(value, str) or not value.strip():
            raise InvalidPersonas(path, f"{key}.{name}", "takes a text that is not empty")
    for name, what in (
        ("rule", "write the rule's name"),
        ("reason", "say why the finding is accepted"),
    ):
        if name not in table:
            raise InvalidPersonas(path, f"{key}.{name}", f"is missing: {what}")
    return Suppression(**table)
