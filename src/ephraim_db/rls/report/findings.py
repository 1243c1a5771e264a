"""The findings for people: the worst on top, each with what to do.

error    cross-boundary-read   ann reads rows of another team in public.notes (bob)
                               fix: In policy "all read" on public.notes, compare team_id ...
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ephraim_db.rls.findings import Finding, Severity
from ephraim_db.rls.findings.finding import SEVERITIES
from ephraim_db.rls.findings.scripts import without_rows

NOUNS: dict[Severity, str] = {"error": "error", "warning": "warning", "info": "note"}
STYLES = {"error": "bold red", "warning": "bold yellow", "info": "dim"}

LONGEST = 8_000
"""Letters of a script that are shown: with hundreds of tables, most of it makes rows."""


def print_findings(console: Console, findings: Sequence[Finding]) -> None:
    """Print a sentence for each thing found, with everybody it was found for, and each fix once."""
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    folded = list(fold(findings))
    for (severity, rule, _, fix), alike in groupby(folded, key=_remedy):
        told = Text("\n").join(_sentence(*one) for one in alike)
        told.append(f"\nfix: {fix}", style="dim")
        table.add_row(Text(severity, style=STYLES[severity]), rule, told)
    if findings:
        counts = Counter(finding.severity for finding, _ in folded)
        said = ", ".join(count(counts[s], NOUNS[s]) for s in SEVERITIES if counts[s])
        console.print(Text(f"findings: {said}", style="bold"))
        console.print(table)
    else:
        console.print("no findings")


def shown_script(finding: Finding) -> str:
    """Return the script; if it is long, without the rows that are made for it."""
    script, lines = without_rows(finding.sql)
    if not lines or len(finding.sql) <= LONGEST:
        return finding.sql
    about = f'.rule == "{finding.rule}" and .relation == "{finding.relation}"'
    chosen = f'first(.findings[] | select({about} and .persona == "{finding.persona}"))'
    return (
        f"-- {lines} lines that make rows are left out here. With them:\n"
        f"-- ephraim-db rls matrix --format json | jq -r '{chosen}.sql'\n{script}"
    )


def _remedy(folded: tuple[Finding, tuple[str, ...]]) -> tuple[Severity, str, str, str]:
    finding, _ = folded
    return finding.severity, finding.rule, finding.relation, finding.fix


def _sentence(finding: Finding, others: Sequence[str]) -> Text:
    told = Text(finding.message)
    if others:
        told.append(f" (also {', '.join(others)})", style="dim")
    return told


def count(number: int, noun: str) -> str:
    """Return "1 error", "2 errors"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def fold(findings: Iterable[Finding]) -> Iterator[tuple[Finding, tuple[str, ...]]]:
    """Yield what was found for several personas once, with the names of the others."""
    folded: dict[Finding, tuple[Finding, list[str]]] = {}
    for finding in findings:
        said = finding.message.replace(finding.persona, "", 1)
        alike = replace(finding, persona="", message=said, sql="", columns=())
        folded.setdefault(alike, (finding, []))[1].append(finding.persona)
    for finding, personas in folded.values():
        yield finding, tuple(name for name in dict.fromkeys(personas) if name != finding.persona)
