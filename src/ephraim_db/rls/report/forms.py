"""Every form a report can have, by name, and by the ending of a file; imported when it is used."""

from __future__ import annotations

import io
from collections.abc import Callable
from importlib import import_module
from typing import cast

from rich.console import Console

from ephraim_db.rls.report.differences import print_differences
from ephraim_db.rls.report.findings import print_findings
from ephraim_db.rls.report.json import as_json
from ephraim_db.rls.report.report import Report
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


def _by(name: str) -> Callable[[Report], str]:
    """Return what calls a function of this package, told as module.name."""
    module, _, function = name.partition(".")

    def write(report: Report) -> str:
        made = getattr(import_module(f"{__package__}.{module}"), function)(report)
        return cast("str", made)

    return write


FORMS: dict[str, Callable[[Report], str]] = {
    "text": _as_text,
    "markdown": _by("markdown.as_markdown"),
    "json": _as_json,
    "junit": _by("junit.as_junit"),
    "sarif": _by("sarif.as_sarif"),
    "github": _by("github.as_annotations"),
    "html": _by("html.as_html"),
}
SUFFIXES = {
    ".txt": "text",
    ".md": "markdown",
    ".json": "json",
    ".xml": "junit",
    ".sarif": "sarif",
    ".html": "html",
}
