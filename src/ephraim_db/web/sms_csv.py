"""The SMS log as CSV: streamed page by page, so that its length does not matter."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

from starlette.responses import Response, StreamingResponse

from ephraim_db.sms_logs import SmsLogPage
from ephraim_db.web.filters import Filters, read_filters
from ephraim_db.web.refusals import Missing
from ephraim_db.web.site import Visit

_CSV_PAGE_SIZE = 500
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
