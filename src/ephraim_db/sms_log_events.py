"""What was heard about a message, in order of arrival: its delivery history."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from uuid import UUID

from ephraim_db import inputs
from ephraim_db.steps import Read, Steps, caller, equals, read

_MOST = 500  # a message has a handful; below the smallest max_rows in use


@dataclass(frozen=True, slots=True)
class SmsLogEvent:
    """One thing heard. `source` is answer, callback, reconcile or opt_out.

    `status` is in Twilio's words; `moved` is whether it moved the message's status on.
    """

    source: str
    status: str | None
    error_code: int | None
    note: str | None
    moved: bool
    created_at: datetime


_COLUMNS = tuple(column.name for column in fields(SmsLogEvent))


def list_sms_log_events(sms_log_id: UUID | str) -> Steps[tuple[SmsLogEvent, ...]]:
    """Return the first 500 events of a message, oldest first; none if the caller may not see it."""
    message = inputs.uuid("sms_log_id", sms_log_id)
    yield from caller()
    rows = yield from read(
        Read(
            "sms_log_events",
            SmsLogEvent,
            _COLUMNS,
            (equals("sms_log_id", message),),
            order="created_at.asc,id.asc",
            limit=_MOST,
        )
    )
    return tuple(rows)
