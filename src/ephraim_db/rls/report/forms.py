"""Every form a report can have, by name, and by the ending of a file."""

from __future__ import annotations

import io
from collections.abc import Callable

from rich.console import Console

from ephraim_db.rls.report.differences import print_differences
from ephraim_db.rls.report.findings import print_findings
from ephraim_db.rls.report.github import as_annotations
from ephraim_db.rls.report.html import as_html
from ephraim_db.rls.report.json import as_json
from ephraim_db.rls.report.junit import as_junit
from ephraim_db.rls.report.markdown import as_markdown
from ephraim_db.rls.report.report import Report
from ephraim_db.rls.report.sarif import as_sarif
from ephraim_db.rls.report.text import print_matrix

WIDTH = 100


def print_report(console: Console, report: Report) -> None:
    """Print findings first; then what differs, or, if nothing was compared, the matrix."""
    if report.searched:
        print_findings(console, report.findings)
        console.print()
    if report.differences is None:
        print_matrix(console, report.matrix)
    else:
        print_differences(console, report.differences)


def _as_text(report: Report) -> str:
    out = io.StringIO()
    print_report(Console(file=out, width=WIDTH), report)
    return out.getvalue().rstrip()


def _as_json(report: Report) -> str:
    return as_json(report.matrix, report.findings, report.differences)


FORMS: dict[str, Callable[[Report], str]] = {
    "text": _as_text,
    "markdown": as_markdown,
    "json": _as_json,
    "junit": as_junit,
    "sarif": as_sarif,
    "github": as_annotations,
    "html": as_html,
}
SUFFIXES = {
    ".txt": "text",
    ".md": "markdown",
    ".json": "json",
    ".xml": "junit",
    ".sarif": "sarif",
    ".html": "html",
}
