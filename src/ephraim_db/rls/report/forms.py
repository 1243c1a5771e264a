"""Every form a report can have, by name, and by the ending of a file; imported when it is used."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from ephraim_db.rls.report.report import Report


def _by(name: str) -> Callable[[Report], str]:
    """Return what calls a function of this package, told as module.name."""
    module, _, function = name.partition(".")

    def write(report: Report) -> str:
        made = getattr(import_module(f"{__package__}.{module}"), function)(report)
        return cast("str", made)

    return write


FORMS: dict[str, Callable[[Report], str]] = {
    "text": _by("printing.as_text"),
    "markdown": _by("markdown.as_markdown"),
    "json": _by("json.report_as_json"),
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
