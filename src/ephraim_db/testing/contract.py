"""Observe the project, and tell what differs from its contract."""

from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console

from ephraim_db.rls.contract import read_contract
from ephraim_db.rls.findings import examine
from ephraim_db.rls.report import Places, Report
from ephraim_db.rls.report.differences import print_differences
from ephraim_db.testing.rls import Rls


def differences(rls: Rls, path: Path) -> str:
    """Return what differs, a sentence a line with the places it is about; empty if nothing does."""
    agreed = read_contract(path)
    examined = examine(rls.connection, rls.personas, worth_searching=lambda _matrix: False)
    report = Report.of(examined, Places(path.parents[1]), agreed)
    if not report.differences:
        return ""
    page = io.StringIO()
    print_differences(Console(file=page, width=100, soft_wrap=True), report.differences)
    places = dict.fromkeys(
        f"{place.file}:{place.line}" for place in map(report.place_of, report.differences)
    )
    return (
        f"{path.name} does not say what is so\n{page.getvalue()}"
        f"look at {', '.join(places)}\n"
        "if that is meant: ephraim-db rls accept"
    )
