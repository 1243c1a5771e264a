"""docs/benchmarks.md, from the results and from what each bench says about itself."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path

from bench.results import Goal, Row, find

TOP = """# Benchmarks

`make bench` measures all of this and writes this page; `make bench ONLY=rls` measures one part.
Contestants take turns within one run, so a ratio compares them on the same machine at the same
time: it says how many times as good ours is, and below 1 the other is better. The numbers are in
[benchmarks/](benchmarks/) as JSON. A goal that is missed is said to be.
"""


def write_page(names: Sequence[str], results: Path) -> None:
    """Write the page beside the folder `results`, of those that have been measured."""
    parts = [TOP]
    for name in names:
        file = results / f"{name}.json"
        if file.exists():
            parts.append("\n".join(_section(name, json.loads(file.read_text("utf-8")), results)))
    results.with_suffix(".md").write_text("\n".join(parts), "utf-8")


def _section(name: str, rows: list[Row], results: Path) -> Iterator[str]:
    bench = import_module(f"bench.{name}")
    yield bench.ABOUT.strip() + "\n"
    yield from _goals(bench.GOALS, rows)
    yield "| | ours | other | ratio | unit | n | Postgres |"
    yield "|---|---:|---:|---:|---|---:|---|"
    for row in rows:
        numbers = (_number(row[key]) for key in ("ours", "other", "ratio"))
        postgres = row["machine"]["postgres"] or ""
        yield f"| {row['name']} | {' | '.join(numbers)} | {row['unit']} | {row['n']} | {postgres} |"
    loads = [row["machine"]["load"] for row in rows]
    cores = rows[0]["machine"]["cores"]
    low, high = min(loads), max(loads)
    told = f"about {low:g}" if low == high else f"{low:g} to {high:g}"
    yield (
        f"\nMeasured {rows[0]['date']} on {cores} cores at a load of {told}, of which one to two "
        "are the bench's own.\n"
    )
    for chart in sorted(results.glob(f"{name}-*.svg")):
        title = chart.stem.removeprefix(f"{name}-").replace("-", " ")
        yield f"![{title}]({results.name}/{chart.name})\n"


def _goals(goals: Sequence[Goal], rows: list[Row]) -> Iterator[str]:
    told = [f"- {g.name}: {g.verdict(row)}" for g in goals if (row := find(rows, g.name))]
    if told:
        yield "\n".join(("Goals:\n", *told, ""))


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.4g}" if value < 10_000 else f"{value:,.0f}"
