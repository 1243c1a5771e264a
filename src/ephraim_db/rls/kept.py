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
PROBER = ""


class Statements:
    """The statements of one round trip, by number: first those that are kept, then the others.

    A plan holds for one role, so a statement counts as another for each; the prober's is "".
    """

    def __init__(self, probes: Iterable[tuple[str, Probe]]) -> None:
        """Count the probes, each with the role it is run as."""
        counted: Counter[tuple[str, str, str]] = Counter()
        for role, probe in probes:
            if probe.told:
                continue
            if probe.witness is None:
                counted[role, probe.sql, _TELLS] += 1
                continue
            returns = probe.questions[0].command == "INSERT RETURNING"
            counted[role, probe.sql, _RETURNS if returns else _CHANGES] += 1
            counted[PROBER, probe.witness, _TELLS] += 1
        often = [key for key, times in counted.items() if times >= OFTEN]
        self._numbers = {(role, sql): n for n, (role, sql, _) in enumerate(often, start=1)}
        self.others: list[str] = []
        """The statements that are not kept; their numbers are negative."""
        leaves = [kind.format(sql) for _, sql, kind in often]
        routine = _ROUTINE.format(_quoted(_choice(leaves, 1))) if leaves else None
        self.routine: str | None = routine
        """The SQL that makes the routine, if any are kept."""

    def number(self, role: str, sql: str) -> int:
        """Return the number of a statement; the prober's role is ""."""
        known = self._numbers.get((role, sql))
        if known is None:
            known = self._numbers[role, sql] = self.other(sql)
        return known

    def other(self, sql: str) -> int:
        """Return the number of a statement that is not kept."""
        self.others.append(sql)
        return -len(self.others)


_CHANGES = "{}; get diagnostics touched = row_count; return array[touched];"
_RETURNS = (
    "touched := 0; for dropped in {} loop touched := touched + 1; end loop; return array[touched];"
)
_TELLS = "{} into numbers; return numbers;"
_ROUTINE = """
create or replace function pg_temp.ephraim_kept(integer, integer, integer) returns integer[]
language plpgsql as {};
grant execute on function pg_temp.ephraim_kept to public
"""


def _quoted(choice: str) -> str:
    variables = "touched integer; numbers integer[]; dropped record;"
    body = f"#variable_conflict use_column\ndeclare {variables} begin {choice} end"
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
