"""Tell on stderr what is being done."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

Progress = Callable[[str], None]
PASSING = ("starting ", "applying ", "seeding ", "filling ", "copying ", "probing ", "searching ")
"""How messages begin that are of no use once the next one comes."""
OFTEN = ("probing ", "searching for findings: ")
"""How messages begin that are too many for a log."""


@contextmanager
def progress() -> Iterator[Progress]:
    """Show what is being done on stderr: one changing line, or one line each without a terminal.

    What is worth keeping is kept: guesses, what is pretended, what could not be made.
    """
    if not sys.stderr.isatty():
        yield lambda message: None if message.startswith(OFTEN) else click.echo(message, err=True)
        return
    from rich.console import Console
    from rich.markup import escape

    console = Console(file=sys.stderr)
    with console.status("") as status:

        def tell(message: str) -> None:
            if message.startswith(PASSING):
                status.update(escape(message))
            else:
                console.print(message, soft_wrap=True, markup=False, highlight=False)

        yield tell
