"""Tell on stderr what is being done."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape

Progress = Callable[[str], None]


@contextmanager
def progress() -> Iterator[Progress]:
    """Show what is being done on stderr: one changing line, or one line each without a terminal."""
    console = Console(file=sys.stderr)
    if not console.is_terminal:

        def tell(message: str) -> None:
            if not message.startswith("probing "):
                console.print(message, soft_wrap=True, markup=False, highlight=False)

        yield tell
        return
    with console.status("") as status:
        yield lambda message: status.update(escape(message))
