"""Run benches and write down what came of it: `python -m bench [--small] [NAME ...]`.

With --small, each only shows that it runs, and nothing is written.
"""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module
from pathlib import Path

from bench.page import write_page
from bench.results import Row, Size

NAMES = ("rls", "scale", "mutation", "plugin", "client", "start", "sms", "web")
RESULTS = Path(__file__).parents[1] / "docs" / "benchmarks"


def main(arguments: list[str]) -> None:
    size: Size = "small" if "--small" in arguments else "full"
    chosen = [name for name in arguments if name != "--small"] or list(NAMES)
    if unknown := set(chosen) - set(NAMES):
        sys.exit(f"no bench is called {', '.join(sorted(unknown))}: choose of {', '.join(NAMES)}")
    for name in chosen:
        run(name, size)
    if size == "full":
        write_page(NAMES, RESULTS)


def run(name: str, size: Size) -> None:
    """Measure, show each row as it comes, and write them."""
    bench = import_module(f"bench.{name}")
    rows = []
    print(f"{name} (load {os.getloadavg()[0]:.1f})", flush=True)
    for measured in bench.measure(size):
        row = measured.row(os.getloadavg()[0])
        rows.append(row)
        print(_line(row), flush=True)
    if size == "full":
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{name}.json").write_text(json.dumps(rows, indent=2) + "\n", "utf-8")
        for file, svg in getattr(bench, "charts", lambda _rows: {})(rows).items():
            (RESULTS / file).write_text(svg, "utf-8")


def _line(row: Row) -> str:
    other = "" if row["other"] is None else f"  other {row['other']:g}"
    ratio = "" if row["ratio"] is None else f"  ratio {row['ratio']:g}"
    return f"  {row['name']}: {row['ours']:g} {row['unit']}{other}{ratio}  (n = {row['n']})"


if __name__ == "__main__":
    main(sys.argv[1:])
