"""What differs from the contract, for people: the worst first, a sentence a line."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from ephraim_db.rls.contract import AS_AGREED, Change, Told
from ephraim_db.rls.report.verdict import HEADINGS

STYLES = {
    Change.WIDER: "bold red",
    Change.UNKNOWN: "bold magenta",
    Change.NARROWER: "bold yellow",
    Change.OTHER: "bold",
}


def print_differences(console: Console, told: Sequence[Told]) -> None:
    """Print them under a heading for each kind of change."""
    for change in Change:
        alike = [one for one in told if one.change is change]
        if alike:
            console.print(Text(HEADINGS[change].lower(), style=STYLES[change]))
        for one in alike:
            console.print(Text(f"  {one.message}"), soft_wrap=True)
    if not told:
        console.print(AS_AGREED)
