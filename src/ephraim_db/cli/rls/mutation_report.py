"""How `rls mutate` tells what came of it: a bar while it runs, and survivors first at the end."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from ephraim_db.rls.mutants.judging import Judgement, Result
    from ephraim_db.rls.mutants.scoring import Score

_WORDS: dict[Result, str] = {
    "killed": "noticed",
    "survived": "not noticed",
    "accepted": "accepted",
    "left": "left to a command",
    "equivalent": "equivalent",
    "stillborn": "impossible",
}

EACH = 100
Count = Callable[["Judgement"], None]


@contextmanager
def counting(total: int, known: Sequence[Judgement] = ()) -> Iterator[Count]:
    """Show on stderr how far it is, and how many went unnoticed so far.

    Without a terminal, that is a line for each tenth, but not for fewer than EACH.
    """
    columns = (
        TextColumn("breaking"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[survived]} unnoticed"),
        TimeRemainingColumn(),
    )
    console = Console(file=sys.stderr)
    if not console.is_terminal:
        console.print(f"breaking {total} things, one at a time", highlight=False)
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        results = Counter(one.result for one in known)
        task = bar.add_task("", total=total, completed=len(known), survived=results["survived"])
        each = max(total // 10, EACH)

        def count(judgement: Judgement) -> None:
            results[judgement.result] += 1
            bar.update(task, advance=1, survived=results["survived"])
            done = results.total()
            if not console.is_terminal and done % each == 0:
                console.print(
                    f"{done} of {total}, {results['survived']} unnoticed", highlight=False
                )

        yield count


def print_score(console: Console, score: Score, seconds: float) -> None:
    """Print what was not noticed, what that is right for, and the score."""
    for one in score.with_result("survived"):
        console.print(f"[bold red]not noticed[/]  {escape(one.mutant.title)}")
        console.print(f"    {escape(' '.join(one.mutant.sql.split()))}", style="dim")
        console.print(f"    would show it: {escape(one.why)}\n")
    _print_reasons(console, "accepted in rls.toml", score.with_result("accepted"))
    _print_reasons(console, "left to a command", score.with_result("left"))
    _print_reasons(console, "equivalent", score.with_result("equivalent"))
    _print_reasons(console, "impossible", score.with_result("stillborn"))
    for entry in score.stale:
        console.print(
            f'[bold red]stale[/]  no unnoticed mutant is left that "{escape(entry.mutant)}" '
            "accepts: remove it from rls.toml"
        )
    counts = {result: len(score.with_result(result)) for result in _WORDS}
    told = ", ".join(f"{number} {_WORDS[result]}" for result, number in counts.items() if number)
    console.print(
        f"{len(score.judgements)} mutants in {seconds:.0f} s: {told}. "
        f"Score: [bold]{score.percent:.4g} %[/]",
        highlight=False,
    )


def _print_reasons(console: Console, heading: str, judgements: Sequence[Judgement]) -> None:
    """Print one line for each reason, with how many mutants it explains and one of them."""
    if not judgements:
        return
    console.print(f"[bold]{heading}[/]", highlight=False)
    reasons = Counter(one.why for one in judgements)
    first = {one.why: one.mutant.title for one in reversed(judgements)}
    for why, number in reasons.most_common():
        title = first[why] if number == 1 else f"{first[why]}, and {number - 1} more"
        console.print(f"  {escape(why)}", highlight=False)
        console.print(f"      {escape(title)}", style="dim", highlight=False)
    console.print()
