"""How many messages there were each day, by status: counted by the database, not fetched."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from ephraim_db import inputs
from ephraim_db.errors import InvalidInput
from ephraim_db.sms_logs import SmsStatus
from ephraim_db.steps import Read, Steps, caller, read

# A row for each of 15 statuses on each day; PostgREST's max_rows (1000) would cut more, silently.
_LONGEST = timedelta(days=62)


@dataclass(frozen=True, slots=True)
class SmsOutcome:
    """So many messages, written on that day, are in that status now."""

    day: date
    status: SmsStatus
    messages: int


_COLUMNS = tuple(column.name for column in fields(SmsOutcome))


def count_sms_outcomes(
    *, created_from: datetime, created_before: datetime, time_zone: str
) -> Steps[tuple[SmsOutcome, ...]]:
    """Return the counts of what the caller may read; days begin at midnight in `time_zone`."""
    start = inputs.moment("created_from", created_from)
    end = inputs.moment("created_before", created_before)
    if end - start > _LONGEST:
        raise InvalidInput(
            "created_before", f"is more than {_LONGEST.days} days after created_from"
        )
    try:
        zone = ZoneInfo(time_zone).key
    except (KeyError, ValueError, OSError):
        raise InvalidInput("time_zone", "is none of the IANA names, such as UTC") from None
    yield from caller()
    arguments = (
        ("created_from", start.isoformat()),
        ("created_before", end.isoformat()),
        ("time_zone", zone),
    )
    rows = yield from read(Read("rpc/count_sms_outcomes", SmsOutcome, _COLUMNS, arguments))
    return tuple(rows)
