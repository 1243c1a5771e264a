"""What `matrix` and `check` share: the form of the report, files to write, and the exit status."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from ephraim_db.rls.report import FORMS, SUFFIXES

if TYPE_CHECKING:
    from rich.console import Console
    from rich.segment import Segments

    from ephraim_db.rls.findings import Severity
    from ephraim_db.rls.report import Report

NARROWEST = 100
"""Columns of the report where the terminal does not say, or says fewer."""


def reporting_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say how it is told: --format, --write, --fail-on."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def _known_suffix(
    _context: click.Context, _option: click.Parameter, paths: tuple[Path, ...]
) -> tuple[Path, ...]:
    for path in paths:
        if path.suffix not in SUFFIXES:
            raise click.BadParameter(f"{path} should end in one of {', '.join(SUFFIXES)}")
    return paths


_OPTIONS = (
    click.option(
        "--format",
        "form",
        type=click.Choice(list(FORMS)),
        default="text",
        show_default=True,
        help="What is printed. github: annotations, for a job of GitHub Actions.",
    ),
    click.option(
        "--write",
        "files",
        type=click.Path(path_type=Path, dir_okay=False),
        multiple=True,
        metavar="FILE",
        callback=_known_suffix,
        help=f"Write a report as well; its ending is its form: {', '.join(SUFFIXES)}. "
        "May be given several times.",
    ),
    click.option(
        "--fail-on",
        type=click.Choice(["error", "warning", "none"]),
        default="none",
        show_default=True,
        help="Exit with 1 if there is a finding as bad as that, or worse.",
    ),
)


def printing() -> Console:
    """Return what the report is printed on."""
    from rich.console import Console

    console = Console()
    console.width = max(console.width, NARROWEST)
    return console


def tell(report: Report, form: str, files: tuple[Path, ...], drawn: Segments | None = None) -> None:
    """Write the files, and print the report; its matrix may be drawn already."""
    for file in files:
        text = FORMS[SUFFIXES[file.suffix]](report)
        try:
            file.write_text(f"{text.rstrip()}\n", encoding="utf-8")
        except OSError as error:
            raise click.FileError(str(file), error.strerror) from error
    if form == "text":
        from ephraim_db.rls.report import print_report

        print_report(printing(), report, drawn)
    elif text := FORMS[form](report):
        click.echo(text.rstrip())


def fails(report: Report, fail_on: str) -> bool:
    """Return whether the findings are as bad as that, or a suppression is stale."""
    from ephraim_db.rls.findings import STALE, at_least

    if any(finding.rule == STALE for finding in report.findings):
        return True
    return fail_on != "none" and bool(at_least(cast("Severity", fail_on), report.findings))
