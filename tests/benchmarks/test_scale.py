"""The bench of a large log asks everybody the same and tells what the policy adds."""

from __future__ import annotations

from bench.results import find
from bench.scale import GOALS, charts, measure


def test_everybody_is_asked_the_same_and_every_goal_has_a_row() -> None:
    rows = [measured.row(load=0) for measured in measure("small")]

    assert {goal.name for goal in GOALS} == {goal.name for goal in GOALS if find(rows, goal.name)}
    assert find(rows, "latest page, admin, 1,000 rows") is not None
    assert find(rows, "insert, the sender, 2,000 rows") is not None
    assert charts(rows)["scale-time-over-rows.svg"].count("<polyline") == 4
