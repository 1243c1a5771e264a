"""Outcomes per day as bars: arrived, on the way, not delivered.

counts per day and status --> bands --> stacked rectangles in an SVG of fixed size
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from ephraim_db.web.wording import ARRIVED, MOVING

WIDTH, HEIGHT = 560, 104
_GAP = 6
_BANDS = (("delivered", "Arrived"), ("moving", "On the way"), ("failed", "Not delivered"))


@dataclass(frozen=True, slots=True)
class Bar:
    """One rectangle, in the SVG's units."""

    key: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Band:
    """One colour of the legend, and its messages in all."""

    key: str
    label: str
    total: int


@dataclass(frozen=True, slots=True)
class Chart:
    """The chart, and the sentence that says the same to those who do not see it."""

    bars: tuple[Bar, ...]
    bands: tuple[Band, ...]
    sentence: str
    first: str
    last: str
    highest: int
    width: int = WIDTH
    height: int = HEIGHT
    lines: tuple[float, ...] = (0.5, HEIGHT / 2, HEIGHT - 0.5)


def draw(counts: Iterable[tuple[date, str, int]], last: date, days: int) -> Chart:
    """Draw the `days` up to `last` from (day, status, messages)."""
    first = last - timedelta(days=days - 1)
    perday: dict[date, Counter[str]] = {first + timedelta(days=n): Counter() for n in range(days)}
    for when, status, messages in counts:
        if when in perday:
            perday[when][_band(status)] += messages
    highest = max(1, *(sum(bands.values()) for bands in perday.values()))
    totals = sum(perday.values(), Counter[str]())
    slot = WIDTH / days
    bars = tuple(
        bar
        for place, day in enumerate(perday.values())
        for bar in _stack(place * slot, slot, day, highest)
    )
    bands = tuple(Band(key, label, totals[key]) for key, label in _BANDS)
    told = ", ".join(f"{band.total} {band.label.lower()}" for band in bands)
    sentence = f"Messages per day over {days} days: {told}."
    return Chart(bars, bands, sentence, _day(first), _day(last), highest)


def _stack(left: float, slot: float, day: Mapping[str, int], highest: int) -> Iterator[Bar]:
    floor = float(HEIGHT)
    x, width = round(left + _GAP / 2, 1), round(slot - _GAP, 1)
    for key, _ in _BANDS:
        height = day[key] / highest * (HEIGHT - 4)
        if height:
            floor -= height
            yield Bar(key, x, round(floor, 1), width, round(height, 1))


def _band(status: str) -> str:
    if status in ARRIVED:
        return "delivered"
    return "moving" if status in MOVING else "failed"


def _day(day: date) -> str:
    return f"{day.day} {day:%b}"
