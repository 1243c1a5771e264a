"""The log's statements: a message is written down first, and moves forward afterwards.

write_pending --> advance (Twilio's answer | a callback | what a search found)
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from ephraim_db.database import Steps, first_row
from ephraim_db.errors import KeyReused, OptedOut
from ephraim_db.sms.batching import RowCall
from ephraim_db.sms.refusals import in_words
from ephraim_db.sms_logs import SmsLog, SmsStatus
from ephraim_db.steps import Row

# For many messages at once, each argument an array: see batching.py.
_WRITE = """
select a.place, a.id, a.created_at
from private.write_sms_logs(
    %(organization_id)s, %(to)s, %(body)s, %(key)s, %(shift)s, %(worker)s, %(participant)s
) as a
"""
_ADVANCE = """
select
    a.place, a.twilio_sid, a.status, a.error_code, a.error_message,
    a.updated_at, a.sent_at, a.delivered_at, a.failed_at
from private.advance_sms_logs(
    %(organization_id)s, %(id)s, %(sid)s, %(source)s, %(status)s, %(code)s::integer[], %(message)s
) as a
"""
# psycopg reads nothing of our types, so the columns are those of SmsLog, in its own order.
_BY_KEY = """
select
    m.id, m.to_phone, m.message_body, m.twilio_sid, m.status::text as status, m.error_code,
    m.error_message, m.related_shift_id, m.related_worker_id, m.related_participant_id,
    m.created_at, m.updated_at, m.sent_at, m.delivered_at, m.failed_at
from public.sms_logs as m
where m.organization_id = %(organization_id)s and m.idempotency_key = %(idempotency_key)s
"""


@dataclass(frozen=True, slots=True)
class Sms:
    """A message to send, as `send_sms` takes it. Its repr hides number and text."""

    organization_id: UUID
    to: str = field(repr=False)
    body: str = field(repr=False)
    related_shift_id: UUID | None = None
    related_worker_id: UUID | None = None
    related_participant_id: UUID | None = None
    idempotency_key: str | None = None


def write_pending(sms: Sms) -> Steps[tuple[SmsLog, bool]]:
    """Write the message down before it is sent; return its row, and whether the row is new.

    It is not new if its key sent a message before, or is doing so in another process right now.
    `OptedOut` if its recipient has switched SMS off.
    """
    arguments = {
        "organization_id": sms.organization_id,
        "to": sms.to,
        "body": sms.body,
        "key": sms.idempotency_key,
        "shift": sms.related_shift_id,
        "worker": sms.related_worker_id,
        "participant": sms.related_participant_id,
    }
    row: Row | None = yield RowCall(_WRITE, arguments)
    if row is not None:
        return _pending(sms, row), True
    earlier = yield from _earlier(sms)
    if earlier is None:
        raise OptedOut
    return earlier, False


def advance(
    organization_id: UUID,
    sms_log_id: UUID | None,
    source: str,
    *,
    sid: str | None = None,
    status: str,
    code: int | None = None,
    message: str | None = None,
) -> Steps[Row | None]:
    """Write down what was heard and move the message forward; None if the log does not hold it.

    Returns the columns that can change, as they are then. What would take the message back, or is
    heard a second time, is written down and moves nothing.
    """
    arguments = {
        "organization_id": organization_id,
        "id": sms_log_id,
        "sid": sid,
        "source": source,
        "status": status,
        "code": code,
        "message": message or (in_words(code) if code else None),
    }
    row: Row | None = yield RowCall(_ADVANCE, arguments)
    return row


def _earlier(sms: Sms) -> Steps[SmsLog | None]:
    if sms.idempotency_key is None:
        return None
    row = yield from first_row(
        _BY_KEY, organization_id=sms.organization_id, idempotency_key=sms.idempotency_key
    )
    if row is None:
        return None
    earlier = SmsLog(**{**row, "status": SmsStatus(row["status"])})
    if _content(earlier) != (
        sms.to,
        sms.body,
        sms.related_shift_id,
        sms.related_worker_id,
        sms.related_participant_id,
    ):
        raise KeyReused(earlier.id)
    return earlier


def _content(log: SmsLog) -> tuple[Any, ...]:
    return (
        log.to_phone,
        log.message_body,
        log.related_shift_id,
        log.related_worker_id,
        log.related_participant_id,
    )


def _pending(sms: Sms, row: Row) -> SmsLog:
    return SmsLog(
        id=row["id"],
        to_phone=sms.to,
        message_body=sms.body,
        twilio_sid=None,
        status=SmsStatus.PENDING,
        error_code=None,
        error_message=None,
        related_shift_id=sms.related_shift_id,
        related_worker_id=sms.related_worker_id,
        related_participant_id=sms.related_participant_id,
        created_at=row["created_at"],
        updated_at=row["created_at"],
        sent_at=None,
        delivered_at=None,
        failed_at=None,
    )


def moved(log: SmsLog, row: Row) -> SmsLog:
    """Return the message as `advance` left it."""
    return replace(log, **{**row, "status": SmsStatus(row["status"])})
