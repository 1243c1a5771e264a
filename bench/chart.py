"""A chart with two logarithmic axes, as SVG that follows light and dark."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720, 420, 64, 150, 44, 52
COLOURS = ("#3b6fd4", "#c2571a", "#1f8a5b", "#8a4fbf")
STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#333}.grid{stroke:#ddd}.title{font-weight:600}"
    "@media(prefers-color-scheme:dark){text{fill:#ddd}.grid{stroke:#444}}"
)
Points = Sequence[tuple[float, float]]


def draw(title: str, across: str, up: str, series: Mapping[str, Points]) -> str:
    """Return the chart: a line with dots for each of the series, named beside it."""
    x = _Axis([p[0] for points in series.values() for p in points], LEFT, WIDTH - RIGHT)
    y = _Axis([p[1] for points in series.values() for p in points], HEIGHT - BOTTOM, TOP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
        f"<title>{escape(title)}</title><style>{STYLE}</style>",
        _text(LEFT, 20, title, "title"),
        _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, across, anchor="middle"),
        _text(LEFT - 8, TOP - 14, up, anchor="end"),
    ]
    for value in x.ticks:
        at = x.at(value)
        parts.append(_line(at, TOP, at, HEIGHT - BOTTOM))
        parts.append(_text(at, HEIGHT - BOTTOM + 18, f"{value:,g}", anchor="middle"))
    for value in y.ticks:
        at = y.at(value)
        parts.append(_line(LEFT, at, WIDTH - RIGHT, at))
        parts.append(_text(LEFT - 8, at + 4, f"{value:,g}", anchor="end"))
    legend = zip(COLOURS, series.items(), range(TOP + 8, HEIGHT, 22), strict=False)
    for colour, (name, points), beside in legend:
        placed = [(x.at(a), y.at(b)) for a, b in points]
        path = " ".join(f"{a:.1f},{b:.1f}" for a, b in placed)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="4" fill="{colour}"/>' for a, b in placed]
        parts.append(f'<circle cx="{WIDTH - RIGHT + 24}" cy="{beside}" r="4" fill="{colour}"/>')
        parts.append(_text(WIDTH - RIGHT + 36, beside + 4, name))
    return "\n".join((*parts, "</svg>", ""))


class _Axis:
    """Places values between two pixels, by their logarithm."""

    def __init__(self, values: Iterable[float], first: float, last: float) -> None:
        wanted = sorted(values)
        steps = [m * 10.0**e for e in range(-4, 7) for m in (1, 3)]
        low = max((s for s in steps if s <= wanted[0]), default=wanted[0])
        high = min((s for s in steps if s >= wanted[-1]), default=wanted[-1])
        self.ticks = [s for s in steps if low <= s <= high]
        self._low, self._high = math.log(low), math.log(max(high, low * 3))
        self._first, self._last = first, last

    def at(self, value: float) -> float:
        share = (math.log(value) - self._low) / (self._high - self._low)
        return self._first + share * (self._last - self._first)


def _line(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="grid" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _text(x: float, y: float, text: str, kind: str = "", anchor: str = "start") -> str:
    named = f' class="{kind}"' if kind else ""
    return f'<text{named} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
