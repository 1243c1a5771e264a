"""The log's statements: a message is written down first, and moves forward afterwards.

write_pending --> advance (Twilio's answer | a callback | what a search found)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from ephraim_db.database import Steps, first_row
from ephraim_db.errors import KeyReused, OptedOut
from ephraim_db.sms.batching import RowCall
from ephraim_db.sms.refusals import in_words
from ephraim_db.sms_logs import SmsLog, SmsStatus
from ephraim_db.steps import Row

# psycopg reads nothing of our types, so the columns are those of SmsLog, in its own order.
_COLUMNS = """
    m.id, m.to_phone, m.message_body, m.twilio_sid, m.status::text as status, m.error_code,
    m.error_message, m.related_shift_id, m.related_worker_id, m.related_participant_id,
    m.created_at, m.updated_at, m.sent_at, m.delivered_at, m.failed_at
"""
# For many messages at once, each argument an array: see batching.py.
_WRITE = f"""
select a.n, {_COLUMNS}
from unnest(
    %(organization_id)s::uuid[], %(to)s::text[], %(body)s::text[], %(key)s::text[],
    %(shift)s::uuid[], %(worker)s::uuid[], %(participant)s::uuid[]
) with ordinality as a (organization_id, phone, body, key, shift, worker, participant, n)
cross join lateral private.write_sms_log(
    a.organization_id, a.phone, a.body, a.key, a.shift, a.worker, a.participant
) as m
"""  # noqa: S608
_ADVANCE = f"""
select a.n, {_COLUMNS}
from unnest(
    %(organization_id)s::uuid[], %(id)s::uuid[], %(sid)s::text[], %(source)s::text[],
    %(status)s::text[], %(code)s::integer[], %(message)s::text[]
) with ordinality as a (organization_id, id, sid, source, status, code, message, n)
cross join lateral private.advance_sms_log(
    a.organization_id, a.id, a.sid, a.source, a.status, a.code, a.message
) as m
"""  # noqa: S608
_BY_KEY = f"""
select {_COLUMNS}
from public.sms_logs as m
where m.organization_id = %(organization_id)s and m.idempotency_key = %(idempotency_key)s
"""  # noqa: S608


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
        return _sms_log(row), True
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
) -> Steps[SmsLog | None]:
    """Write down what was heard and move the message forward; None if the log does not hold it.

    What would take the message back, or is heard a second time, is written down and moves nothing.
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
    return _sms_log(row) if row is not None else None


def _earlier(sms: Sms) -> Steps[SmsLog | None]:
    if sms.idempotency_key is None:
        return None
    row = yield from first_row(
        _BY_KEY, organization_id=sms.organization_id, idempotency_key=sms.idempotency_key
    )
    if row is None:
        return None
    earlier = _sms_log(row)
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


def _sms_log(row: Row) -> SmsLog:
    return SmsLog(**{**row, "status": SmsStatus(row["status"])})
