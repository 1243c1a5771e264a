"""The one shape that every rule's results have."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")
"""The worst first."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something observed that should worry somebody.

    `persona` is who it was observed as, empty if it takes nobody. `relation` is schema-qualified;
    where it is about a function, sequence, trigger or publication, it names that. `message` is one
    sentence. `sql` is a script for psql that shows it again and ends in a rollback. `fix` is SQL,
    or a sentence.
    """

    rule: str
    severity: Severity
    persona: str
    relation: str
    columns: tuple[str, ...]
    message: str
    sql: str
    fix: str


def at_least(severity: Severity, findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return those that are as bad as `severity`, or worse."""
    worst = SEVERITIES[: SEVERITIES.index(severity) + 1]
    return tuple(finding for finding in findings if finding.severity in worst)
