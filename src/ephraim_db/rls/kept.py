"""Statements that come again: a routine keeps their plans, for one persona after the other.

To plan a statement takes longer than to run it on a handful of rows. What differs from one time to
the next are the numbers of rows, $1 and $2.

(role, SQL) often --> kept, numbers 1.. --> pg_temp.ephraim_kept
            seldom --> others, told as text
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from psycopg.sql import Literal

if TYPE_CHECKING:
    from ephraim_db.rls.probes import Probe

OFTEN = 3
"""From how many times on a statement is kept."""
Key = tuple[str, str]
PROBER = ""


class Statements:
    """The statements of one round trip, by number: first those that are kept, then the others.

    A plan holds for one role, so a statement counts as another for each; the prober's is "".
    """

    def __init__(self, probes: Iterable[tuple[str, Probe]]) -> None:
        """Count the probes, each with the role it is run as."""
        changes: Counter[Key] = Counter()
        witnesses: Counter[Key] = Counter()
        for role, probe in probes:
            if probe.witness is not None and not _returns(probe):
                changes[role, probe.sql] += 1
                witnesses[PROBER, probe.witness] += 1
        often = [
            (*key, kind)
            for kind, counted in ((_CHANGES, changes), (_TELLS, witnesses))
            for key, times in counted.items()
            if times >= OFTEN
        ]
        self._numbers = {(role, sql): n for n, (role, sql, _) in enumerate(often, start=1)}
        self.others: list[str] = []
        """The statements that are not kept; their numbers are negative."""
        leaves = [kind.format(sql) for _, sql, kind in often]
        self.routine = _ROUTINE.format(_quoted(_choice(leaves, 1))) if leaves else None
        """The SQL that makes the routine, if any are kept."""

    def number(self, role: str, sql: str) -> int:
        """Return the number of a statement; the prober's role is ""."""
        known = self._numbers.get((role, sql))
        if known is None:
            self.others.append(sql)
            known = self._numbers[role, sql] = -len(self.others)
        return known


def _returns(probe: Probe) -> bool:
    """Return whether what the statement returns is wanted, or thrown away."""
    return probe.told or " RETURNING" in probe.questions[0].command


_CHANGES = "{}; get diagnostics touched = row_count; return array[touched];"
_TELLS = "return ({});"
_ROUTINE = """
create or replace function pg_temp.ephraim_kept(integer, integer, integer) returns integer[]
language plpgsql set plan_cache_mode = force_generic_plan as {};
grant execute on function pg_temp.ephraim_kept to public
"""


def _quoted(choice: str) -> str:
    body = f"#variable_conflict use_column\ndeclare touched integer; begin {choice} end"
    return Literal(body).as_string(None)


def _choice(leaves: Sequence[str], first: int) -> str:
    """Return the PL/pgSQL that goes to leaf $3, of those numbered from `first` on."""
    if len(leaves) == 1:
        return leaves[0]
    half = len(leaves) // 2
    return (
        f"if $3 < {first + half} then {_choice(leaves[:half], first)} "
        f"else {_choice(leaves[half:], first + half)} end if;"
    )
