"""A bench that only shows that it runs says a number for each goal, and writes nothing."""

from __future__ import annotations

from importlib import import_module

import pytest
from bench.results import find


@pytest.mark.parametrize("name", ["client", "start"])
def test_a_bench_measures_what_its_goals_are_about(name: str) -> None:
    bench = import_module(f"bench.{name}")

    rows = [measured.row(load=0) for measured in bench.measure("small")]

    assert rows
    assert all(row["ours"] > 0 for row in rows)
    assert [goal.name for goal in bench.GOALS if find(rows, goal.name) is None] == []
