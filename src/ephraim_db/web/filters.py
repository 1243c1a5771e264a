"""What a query of the SMS log asks for: a status and days, checked and put in words where wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from ephraim_db.sms_logs import SmsStatus


@dataclass(frozen=True, slots=True)
class Filters:
    """What a query asks for: as it was typed, as the client takes it, and what is wrong with it."""

    typed: Mapping[str, str]
    asked: Mapping[str, Any]
    errors: Mapping[str, str]

    @property
    def query(self) -> str:
        """The same filters as a query, with its question mark; empty without any."""
        given = {name: value for name, value in self.typed.items() if value}
        return f"?{urlencode(given)}" if given else ""


def read_filters(query: Mapping[str, str], zone: ZoneInfo) -> Filters:
    """Read status, from and until; days begin and end at midnight in `zone`."""
    typed = {name: query.get(name, "").strip()[:40] for name in ("status", "from", "until")}
    asked: dict[str, Any] = {}
    errors: dict[str, str] = {}
    if typed["status"] in set(SmsStatus):
        asked["status"] = typed["status"]
    elif typed["status"]:
        errors["status"] = "Choose a status from the list."
    first = _day("from", typed["from"], errors)
    last = _day("until", typed["until"], errors)
    if first and last and first > last:
        errors["until"] = "The last day is before the first. Choose a later one."
    if first:
        asked["created_from"] = midnight(first, zone)
    if last:
        asked["created_before"] = midnight(last + timedelta(days=1), zone)
    return Filters(typed, {} if errors else asked, errors)


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """Return when the day begins in `zone`."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def _day(name: str, text: str, errors: dict[str, str]) -> date | None:
    if not text:
        return None
    try:
        day = datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError:
        day = None
    if day is None or not 2000 <= day.year < 2100:
        errors[name] = "Enter a day, such as 2026-02-01."
        return None
    return day
