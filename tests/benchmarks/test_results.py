"""What is told of a measurement is what was measured, and what was missed is said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from bench.page import write_page
from bench.projects import generate
from bench.results import Goal, Measured, find, in_turns

SLOW = Measured("a probe", 2.0, 10.0, "s", 3, 170010)


def test_a_ratio_says_how_many_times_as_good_ours_is() -> None:
    rate = Measured("sending", 2.0, 10.0, "messages per second", 3, more_is_better=True)

    assert SLOW.ratio == 5.0
    assert rate.ratio == 0.2


def test_a_row_has_the_machine_and_the_postgres_it_was_measured_on() -> None:
    row = SLOW.row(load=1.234)

    assert list(row) == ["name", "ours", "other", "ratio", "unit", "n", "machine", "date"]
    assert row["machine"]["postgres"] == "17.10"
    assert row["machine"]["load"] == 1.23
    assert row["machine"]["cores"] > 0


@pytest.mark.parametrize(
    ("goal", "verdict"),
    [
        (Goal("a probe", "ours", "most", 2.0), "at most 2 s: reached, 2"),
        (Goal("a probe", "ours", "most", 1.5), "at most 1.5 s: **missed, 2**, by 0.5"),
        (Goal("a probe", "ratio", "least", 5.0), "at least 5 times: reached, 5"),
        (Goal("a probe", "ratio", "least", 8.0), "at least 8 times: **missed, 5**, by 3"),
        (Goal("a probe", "ratio", "more than", 5.0), "more than 5 times: **missed, 5**, by 0"),
    ],
)
def test_a_goal_that_is_missed_is_said_to_be_and_by_how_much(goal: Goal, verdict: str) -> None:
    assert goal.verdict(SLOW.row(load=0)) == verdict


def test_a_goal_without_a_number_is_not_said_to_be_reached() -> None:
    alone = Measured("a probe", 2.0, None, "s", 3).row(load=0)

    assert Goal("a probe", "ratio", "least", 1.0).verdict(alone).endswith("not measured")


def test_the_page_tells_every_row_and_goal(tmp_path: Path) -> None:
    results = tmp_path / "benchmarks"
    results.mkdir()
    rows = [Measured("settings page: of our own", 99.0, 3.0, "ms", 7).row(load=2)]
    (results / "web.json").write_text(json.dumps(rows))

    write_page(("web", "sms"), results)

    page = (tmp_path / "benchmarks.md").read_text()
    assert "| settings page: of our own | 99 | 3 | 0.0303 | ms | 7 |  |" in page
    assert "settings page: of our own: at most 15 ms: **missed, 99**, by 84" in page
    assert "Sealing" not in page


def test_contestants_take_turns_and_nobody_is_always_first() -> None:
    turns: list[str] = []

    seconds = in_turns(2, lambda: turns.append("ours"), lambda: turns.append("theirs"))

    assert turns == ["ours", "theirs", "theirs", "ours"]
    assert [len(taken) for taken in seconds] == [2, 2]


def test_a_row_that_was_not_measured_is_not_found() -> None:
    assert find([SLOW.row(load=0)], "another probe") is None


def test_a_generated_project_is_the_same_for_the_same_seed() -> None:
    assert generate(30, seed=1).sql == generate(30, seed=1).sql
    assert generate(30, seed=1).sql != generate(30, seed=2).sql


def test_a_large_generated_project_is_as_large_as_the_page_says() -> None:
    project = generate(300)

    assert project.sql.count("create table public.") == 300
    assert project.policies == project.sql.count("create policy ")
    assert 950 < project.policies < 1_050
    assert project.sql.count("create function ") == project.functions
    assert 150 <= project.functions <= 160
    assert all(name in project.sql for name in project.holes)
