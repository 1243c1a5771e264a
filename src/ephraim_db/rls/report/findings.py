"""The findings for people: the worst on top, each with what to do.

error    cross-boundary-read   ann reads rows of another team in public.notes (bob)
                               fix: In policy "all read" on public.notes, compare team_id ...
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ephraim_db.rls.findings import Finding

STYLES = {"error": "bold red", "warning": "bold yellow", "info": "dim"}


def print_findings(console: Console, findings: Sequence[Finding]) -> None:
    """Print one entry for each thing found, with everybody it was found for."""
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for finding, others in fold(findings):
        told = Text(finding.message)
        if others:
            told.append(f" (also {', '.join(others)})", style="dim")
        told.append(f"\nfix: {finding.fix}", style="dim")
        severity = Text(finding.severity, style=STYLES[finding.severity])
        table.add_row(severity, finding.rule, told)
    if findings:
        console.print(Text("findings", style="bold"))
        console.print(table)
    else:
        console.print("no findings")


def fold(findings: Iterable[Finding]) -> Iterator[tuple[Finding, tuple[str, ...]]]:
    """Yield what was found for several personas once, with the names of the others."""
    folded: dict[Finding, tuple[Finding, list[str]]] = {}
    for finding in findings:
        said = finding.message.replace(finding.persona, "", 1)
        alike = replace(finding, persona="", message=said, sql="", columns=())
        folded.setdefault(alike, (finding, []))[1].append(finding.persona)
    for finding, personas in folded.values():
        yield finding, tuple(name for name in dict.fromkeys(personas) if name != finding.persona)
