"""The report as annotations: lines that GitHub Actions turns into marks on a pull request.

::error file=supabase/migrations/1_notes.sql,line=7,title=cross-boundary-read::ann reads rows ...
"""

from __future__ import annotations

from collections.abc import Iterator

from ephraim_db.rls.report.findings import fold
from ephraim_db.rls.report.places import Place
from ephraim_db.rls.report.report import Report

LEVELS = {"error": "error", "warning": "warning", "info": "notice"}


def as_annotations(report: Report) -> str:
    """Return a line for each thing found, and for each difference; an empty text if there is none.

    Differences are errors: whoever compares wants to know.
    """
    return "\n".join(_annotations(report))


def _annotations(report: Report) -> Iterator[str]:
    for finding, others in fold(report.findings):
        also = f" (also {', '.join(others)})" if others else ""
        told = f"{finding.message}{also}\nfix: {finding.fix}"
        level = LEVELS[finding.severity]
        yield _annotation(level, report.places.of_finding(finding), finding.rule, told)
    for one in report.differences or ():
        told = f"{one.message}\nIf that is meant, run ephraim-db rls accept and commit the file."
        yield _annotation("error", report.place_of(one), "rls.contract", told)


def _annotation(level: str, place: Place, title: str, message: str) -> str:
    properties = f"file={_property(place.file)},line={place.line},title={_property(title)}"
    return f"::{level} {properties}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
