"""The pages /settings/sms-log: messages newest first, one message's history, and the log as CSV."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from starlette.responses import Response, StreamingResponse

from ephraim_db.errors import InvalidInput, NotFound
from ephraim_db.sms_log_events import SmsLogEvent
from ephraim_db.sms_logs import SmsLog, SmsLogPage, SmsStatus
from ephraim_db.web import chart
from ephraim_db.web.refusals import Missing
from ephraim_db.web.site import Member, Visit
from ephraim_db.web.states import Problem
from ephraim_db.web.wording import LOST, STATUS_GROUPS, status_label

_PAGE_SIZE = 25
_CSV_PAGE_SIZE = 500
_DAYS = 14
_COLUMNS = (
    "created_at",
    "to_phone",
    "message_body",
    "status",
    "error_code",
    "error_message",
    "twilio_sid",
    "sent_at",
    "delivered_at",
    "failed_at",
)


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


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a message's history."""

    status: str
    at: datetime
    text: str = ""


_SOURCES = {
    "answer": "Twilio's answer",
    "callback": "Reported by Twilio",
    "reconcile": "Looked up at Twilio",
    "opt_out": "The recipient replied STOP",
}


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
        asked["created_from"] = _midnight(first, zone)
    if last:
        asked["created_before"] = _midnight(last + timedelta(days=1), zone)
    return Filters(typed, {} if errors else asked, errors)


async def sms_log(visit: Visit) -> Response:
    """Show a page of messages."""
    zone = visit.site.time_zone
    filters = read_filters(visit.request.query_params, zone)
    after = visit.request.query_params.get("after") or None
    profile, organization, page, outcomes = await asyncio.gather(
        visit.client.get_profile(),
        visit.client.get_organization(),
        _page(visit, filters, after),
        _outcomes(visit),
    )
    base = visit.site.path(visit.request, "sms_log")
    older = {**{k: v for k, v in filters.typed.items() if v}, "after": page.next or ""}
    member = Member.of(profile)
    context = {
        "here": "sms_log",
        "organization": organization.name,
        "member": member,
        "staff": member.staff,
        "filters": filters.typed,
        "query": filters.query,
        "errors": filters.errors,
        "status_groups": STATUS_GROUPS,
        "messages": page.items,
        "older": f"{base}?{urlencode(older)}" if page.next else None,
        "newer": base + filters.query if after else None,
        "chart": outcomes,
        "zone": datetime.now(zone).tzname(),
    }
    status = 422 if filters.errors else 200
    return visit.site.page(visit.request, "sms_log.html", context, status=status)


async def sms_message(visit: Visit) -> Response:
    """Show one message and what was heard about it."""
    message_id = visit.request.path_params["message"]
    try:
        profile, organization, message, events = await asyncio.gather(
            visit.client.get_profile(),
            visit.client.get_organization(),
            visit.client.get_sms_log(message_id),
            visit.client.list_sms_log_events(message_id),
        )
    except NotFound:
        raise Missing from None
    context = {
        "here": "sms_log",
        "organization": organization.name,
        "member": Member.of(profile),
        "message": message,
        "problem": _problem(message),
        "history": tuple(_history(message, events)),
    }
    return visit.site.page(visit.request, "sms_message.html", context)


async def sms_csv(visit: Visit) -> Response:
    """Stream the log as CSV, page by page, so that its length does not matter."""
    filters = read_filters(visit.request.query_params, visit.site.time_zone)
    if filters.errors:
        raise Missing
    # The first page before the first byte: whoever may not read gets a refusal, not half a file.
    first = await visit.client.list_sms_logs(**filters.asked, page_size=_CSV_PAGE_SIZE)
    return StreamingResponse(
        _rows(visit, filters, first),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="sms-log.csv"'},
    )


async def _rows(visit: Visit, filters: Filters, page: SmsLogPage) -> AsyncIterator[str]:
    yield _csv([_COLUMNS])
    while True:
        yield _csv([[_cell(getattr(item, name)) for name in _COLUMNS] for item in page.items])
        if page.next is None:
            return
        page = await visit.client.list_sms_logs(
            **filters.asked, page_size=_CSV_PAGE_SIZE, after=page.next
        )


def _csv(rows: Any) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


def _cell(value: object) -> str:
    """Return a cell that no spreadsheet takes for a formula; a number in E.164 is none."""
    text = value.isoformat() if isinstance(value, datetime) else str("" if value is None else value)
    formula = text[:1] in ("=", "+", "-", "@", "\t", "\r") and not text[1:].isdecimal()
    return f"'{text}" if formula else text


async def _page(visit: Visit, filters: Filters, after: str | None) -> SmsLogPage:
    if filters.errors:
        return SmsLogPage((), None)
    try:
        return await visit.client.list_sms_logs(**filters.asked, page_size=_PAGE_SIZE, after=after)
    except InvalidInput:  # a cursor of other filters, or none at all
        raise Missing from None


async def _outcomes(visit: Visit) -> chart.Chart:
    zone = visit.site.time_zone
    today = datetime.now(zone).date()
    outcomes = await visit.client.count_sms_outcomes(
        created_from=_midnight(today - timedelta(days=_DAYS - 1), zone),
        created_before=_midnight(today + timedelta(days=1), zone),
        time_zone=zone.key,
    )
    counts = ((outcome.day, outcome.status, outcome.messages) for outcome in outcomes)
    return chart.draw(counts, today, _DAYS)


def _problem(message: SmsLog) -> Problem | None:
    if message.status not in LOST:
        return None
    text = message.error_message or "Nobody said why."
    return Problem(f"This message is {status_label(message.status).lower()}", text)


def _history(message: SmsLog, events: Iterable[SmsLogEvent]) -> Iterator[Step]:
    yield Step("written", message.created_at)
    heard = False
    for event in events:
        heard = True
        told = [_SOURCES.get(event.source, event.source)]
        told += [f"error {event.error_code}"] if event.error_code else []
        told += [] if event.moved or event.status is None else ["changed nothing"]
        told += [event.note] if event.note else []
        status = event.status or "switched_off"
        yield Step(status, event.created_at, ", ".join(told))
    if not heard:
        yield from _stamps(message)


def _stamps(message: SmsLog) -> Iterator[Step]:
    stamps = (
        (SmsStatus.SENT, message.sent_at),
        (SmsStatus.DELIVERED, message.delivered_at),
        (message.status, message.failed_at),
    )
    yield from (Step(status, moment) for status, moment in stamps if moment)


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


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)
