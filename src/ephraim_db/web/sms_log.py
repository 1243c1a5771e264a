"""The pages /settings/sms-log: messages newest first, and one message's history."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from starlette.responses import Response

from ephraim_db.errors import InvalidInput, NotFound
from ephraim_db.sms_log_events import SmsLogEvent
from ephraim_db.sms_logs import SmsLog, SmsLogPage, SmsStatus
from ephraim_db.web import chart
from ephraim_db.web.filters import Filters, midnight, read_filters
from ephraim_db.web.refusals import Missing
from ephraim_db.web.site import Member, Visit
from ephraim_db.web.states import Problem
from ephraim_db.web.wording import LOST, STATUS_GROUPS, status_label

_PAGE_SIZE = 25
_DAYS = 14


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
        created_from=midnight(today - timedelta(days=_DAYS - 1), zone),
        created_before=midnight(today + timedelta(days=1), zone),
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
