"""The report as Markdown, for a pull request's comment or a CI job's summary.

verdict, findings, differences from the contract; then, folded away, the matrix and what is unproven
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ephraim_db.rls.contract import Change, Told
from ephraim_db.rls.report.findings import fold
from ephraim_db.rls.report.grid import Block, Square, lay_out
from ephraim_db.rls.report.report import Report
from ephraim_db.rls.report.text import folded_doubts
from ephraim_db.rls.report.verdict import HEADINGS, verdict

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~])")
_SHORT = {"organization": "org"}


def as_markdown(report: Report) -> str:
    """Return the page; it begins with a heading of the second level."""
    return "\n".join(_page(report)) + "\n"


def _page(report: Report) -> Iterator[str]:
    yield f"## {verdict(report)}"
    if report.findings:
        yield from ("", "| | finding | fix |", "|---|---|---|")
        for finding, others in fold(report.findings):
            also = f" (also {', '.join(others)})" if others else ""
            told = _escaped(f"{finding.message}{also}")
            yield (
                f"| **{finding.severity}** | {told}<br>`{finding.rule}` | {_escaped(finding.fix)} |"
            )
    if report.differences:
        for change in Change:
            yield from _differences(change, [d for d in report.differences if d.change is change])
        yield from ("", "If that is meant, run `ephraim-db rls accept` and commit the file.")
    yield from _folded("The matrix: who can do what", _grid(report))
    doubts = [f"- {_escaped(line)}" for line in folded_doubts(report.matrix)]
    if doubts:
        yield from _folded("Unproven: what this run could not decide", doubts)


def _differences(change: Change, told: Sequence[Told]) -> Iterator[str]:
    if told:
        yield from ("", f"### {HEADINGS[change]}", "")
        for one in told:
            yield f"- {_escaped(one.message)}"


def _grid(report: Report) -> Iterator[str]:
    personas = [_escaped(persona.name) for persona in report.matrix.personas]
    yield f"| | {' | '.join(personas)} |"
    yield f"|---|{'---|' * len(personas)}"
    for block in lay_out(report.matrix):
        yield from _block(block, len(personas))


def _block(block: Block, width: int) -> Iterator[str]:
    nobody = f" (nobody: {', '.join(block.to_nobody)})" if block.to_nobody else ""
    yield f"| **{_escaped(block.relation.name)}**{nobody} |{' |' * width}"
    for line in block.lines:
        yield f"| {line.verb} | {' | '.join(map(_square, line.squares))} |"


def _square(square: Square) -> str:
    marks = (
        " ".join(filter(None, [_SHORT.get(m.word, m.word), m.sqlstate, m.share]))
        for m in square.marks
    )
    return ", ".join(marks)


def _folded(summary: str, lines: Iterator[str] | Sequence[str]) -> Iterator[str]:
    yield from ("", f"<details><summary>{summary}</summary>", "")
    yield from lines
    yield from ("", "</details>")


def _escaped(text: str) -> str:
    return " ".join(_SPECIAL.sub(r"\\\1", text).split())
