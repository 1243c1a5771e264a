"""Decide which statements of a file travel together, each group being one transaction.

The Supabase CLI's rules:

    most files                          [s1 s2 s3 + ledger]
    create index concurrently, vacuum   [s1] [concurrently] [s3 + ledger]
    begin, commit, rollback in the file [s1] [s2] [s3] [ledger]
    `-- pg-delta: transaction=false`    [s1] [s2] [s3] [ledger]

and one of ours, because such files are many and it makes them all-or-nothing:

    begin; ...; commit;                 [begin s2 + ledger commit]
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ephraim_db.migrations.files import Migration

LEDGER = -1
"""Stands in a group for the row that records the migration."""

_OPENS = re.compile(r"(?:begin|start\s+transaction)\b", re.IGNORECASE)
_COMMITS = re.compile(r"(?:commit|end)(?:\s+(?:work|transaction))?\Z", re.IGNORECASE)
_CONTROLS = re.compile(
    r"(?:begin|start\s+transaction|commit|end|abort|prepare\s+transaction"
    r"|rollback(?!\s+(?:(?:work|transaction)\s+)?to\b))(?:\s|$)",
    re.IGNORECASE,
)
_ALONE = re.compile(
    r"(?:create\s+(?:unique\s+)?index\s+concurrently|drop\s+index\s+concurrently"
    r"|reindex[\s(].*\sconcurrently|vacuum|alter\s+system|cluster)(?:[\s(]|$)",
    re.IGNORECASE | re.DOTALL,
)
_NO_TRANSACTION = "-- pg-delta: transaction=false"


@dataclass(frozen=True, slots=True)
class Plan:
    """The statements of a file, by index, in groups that each commit or fail as one."""

    groups: tuple[tuple[int, ...], ...]

    @property
    def is_whole(self) -> bool:
        """Whether all of the file is applied and recorded, or none."""
        return len(self.groups) == 1


def controls_transaction(code: str) -> bool:
    """Return whether a statement opens, commits or rolls back a transaction."""
    return _CONTROLS.match(code) is not None


def plan_migration(migration: Migration) -> Plan:
    """Group `migration`'s statements."""
    codes = {
        index: statement.text[statement.code :]
        for index, statement in enumerate(migration.statements)
        if statement.code < len(statement.text)
    }
    if migration.sql.split("\n", 1)[0].removesuffix("\r") == _NO_TRANSACTION:
        return _one_by_one(codes)
    controls = [index for index, code in codes.items() if controls_transaction(code)]
    if len(controls) == 2 and controls == [min(codes), max(codes)]:
        first, last = controls
        if _OPENS.match(codes[first]) and _COMMITS.match(codes[last]):
            return Plan(((*list(codes)[:-1], LEDGER, last),))
    if controls:
        return _one_by_one(codes)
    groups: list[tuple[int, ...]] = []
    together: list[int] = []
    for index, code in codes.items():
        if _ALONE.match(code):
            groups += [tuple(together), (index,)] if together else [(index,)]
            together = []
        else:
            together.append(index)
    return Plan((*groups, (*together, LEDGER)))


def _one_by_one(indexes: Iterable[int]) -> Plan:
    return Plan((*((index,) for index in indexes), (LEDGER,)))
