"""The organization's SMS log, newest first, page by page.

A page starts after the last row of the one before, (created_at, id), so rows that arrive in between
move nothing: no row is seen twice, none is missed.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from ephraim_db import inputs
from ephraim_db.cursor import Position
from ephraim_db.errors import InvalidInput, NotFound
from ephraim_db.steps import Read, Steps, caller, equals, read

# Below the smallest max_rows in use (Supabase's default is 1000), which cuts answers silently.
_LARGEST_PAGE = 500


class SmsStatus(StrEnum):
    """Twilio's statuses, with `pending` (not yet handed over) and `unknown` (no answer came)."""

    PENDING = "pending"
    UNKNOWN = "unknown"
    ACCEPTED = "accepted"
    SCHEDULED = "scheduled"
    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    RECEIVING = "receiving"
    RECEIVED = "received"
    DELIVERED = "delivered"
    PARTIALLY_DELIVERED = "partially_delivered"
    UNDELIVERED = "undelivered"
    FAILED = "failed"
    CANCELED = "canceled"
    READ = "read"


@dataclass(frozen=True, slots=True)
class SmsLog:
    """One message; its repr hides number and text. `to_phone` is E.164, `error_code` Twilio's."""

    id: UUID
    to_phone: str = field(repr=False)
    message_body: str = field(repr=False)
    twilio_sid: str | None
    status: SmsStatus
    error_code: int | None
    error_message: str | None
    related_shift_id: UUID | None
    related_worker_id: UUID | None
    related_participant_id: UUID | None
    created_at: datetime
    updated_at: datetime
    sent_at: datetime | None
    delivered_at: datetime | None
    failed_at: datetime | None


COLUMNS = tuple(column.name for column in fields(SmsLog))


@dataclass(frozen=True, slots=True)
class SmsLogPage:
    """Messages, newest first, and the cursor to pass as `after` for older ones; None at the end."""

    items: tuple[SmsLog, ...]
    next: str | None


def get_sms_log(sms_log_id: UUID | str) -> Steps[SmsLog]:
    """Return one message."""
    message = inputs.uuid("sms_log_id", sms_log_id)
    yield from caller()
    rows = yield from read(Read("sms_logs", SmsLog, COLUMNS, (equals("id", message),)))
    if not rows:
        raise NotFound(f"message {message} is not in the log, or not for this user to see")
    return rows[0]


def list_sms_logs(
    *,
    status: SmsStatus | str | None,
    created_from: datetime | None,
    created_before: datetime | None,
    related_shift_id: UUID | str | None,
    related_worker_id: UUID | str | None,
    related_participant_id: UUID | str | None,
    page_size: int,
    after: str | None,
) -> Steps[SmsLogPage]:
    """Return one page of what the caller may read of the log."""
    inputs.whole_number("page_size", page_size, 1, _LARGEST_PAGE)
    related = (
        ("related_shift_id", related_shift_id),
        ("related_worker_id", related_worker_id),
        ("related_participant_id", related_participant_id),
    )
    filters = [
        equals(column, inputs.uuid(column, value)) for column, value in related if value is not None
    ]
    if status is not None:
        filters.append(equals("status", inputs.one_of("status", status, SmsStatus)))
    filters += _between(created_from, created_before)
    position = Position.parse("after", after, filters).filters() if after is not None else ()

    yield from caller()
    rows = yield from read(
        Read(
            "sms_logs",
            SmsLog,
            COLUMNS,
            (*filters, *position),
            order="created_at.desc,id.desc",
            limit=page_size + 1,
        )
    )
    items = tuple(rows[:page_size])
    if len(rows) <= page_size:
        return SmsLogPage(items, None)
    last = Position(items[-1].created_at, items[-1].id)
    return SmsLogPage(items, last.cursor(filters))


def _between(start: datetime | None, end: datetime | None) -> list[tuple[str, str]]:
    given = (("created_from", "gte", start), ("created_before", "lt", end))
    moments = {
        name: (operator, inputs.moment(name, value))
        for name, operator, value in given
        if value is not None
    }
    if len(moments) == 2 and moments["created_from"][1] >= moments["created_before"][1]:
        raise InvalidInput("created_before", "is not after created_from")
    return [("created_at", f"{op}.{moment.isoformat()}") for op, moment in moments.values()]
