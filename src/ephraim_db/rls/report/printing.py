"""A report as text, for a terminal or a file: findings, and what differs or the matrix."""

from __future__ import annotations

import io

from rich.console import Console
from rich.segment import Segments

from ephraim_db.rls.report.differences import print_differences
from ephraim_db.rls.report.findings import print_findings
from ephraim_db.rls.report.report import Report
from ephraim_db.rls.report.text import print_matrix

WIDTH = 100


def print_report(console: Console, report: Report, drawn: Segments | None = None) -> None:
    """Print findings first; then what differs, or, if nothing was compared, the matrix.

    `drawn`: the matrix, if `draw` has drawn it already.
    """
    if report.searched:
        print_findings(console, report.findings)
        console.print()
    if report.differences is None:
        print_matrix(console, report.matrix, drawn)
    else:
        print_differences(console, report.differences)


def as_text(report: Report) -> str:
    """Return it as it is printed, without colour."""
    out = io.StringIO()
    print_report(Console(file=out, width=WIDTH), report)
    return out.getvalue().rstrip()
