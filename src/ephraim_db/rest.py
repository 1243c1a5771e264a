"""What a step looks like to PostgREST, and what its answer means. No I/O.

step --request()--> method, URL, parameters, headers, body ... status, body --outcome()--> answer
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any
from urllib.parse import urlencode

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

from ephraim_db.errors import (
    Forbidden,
    NotMigrated,
    NotSignedIn,
    Rejected,
    SupabaseError,
    TimedOut,
    TooSoon,
    Unavailable,
    UnexpectedAnswer,
)
from ephraim_db.steps import Insert, Read, Row, Update, equals

# https://docs.postgrest.org/en/stable/references/errors.html
_MISSING = {"42P01", "42703", "PGRST200", "PGRST204", "PGRST205"}
_EXPIRED = {"PGRST301", "PGRST302", "PGRST303"}
_BUSY = ("40", "53", "57", "58", "XX", "55P03", "PGRST0")
_CONSTRAINT = re.compile(r'constraint "([a-z0-9_]+)"')
_SCHEMA = "public"


def request(
    step: Read[Any] | Update | Insert, base_url: str, headers: Mapping[str, str]
) -> dict[str, Any]:
    """Return the arguments of httpx's `request`; secrets and personal data only in the body.

    The parameters are in the URL already: httpx takes twice as long over them.
    """
    common = {name.lower(): value for name, value in headers.items()}
    common |= {"accept-profile": _SCHEMA, "content-profile": _SCHEMA}
    url = f"{base_url.rstrip('/')}/{step.table}"
    if isinstance(step, Update):
        return {
            "method": "PATCH",
            "url": f"{url}?{urlencode([equals('id', step.id)])}",
            "headers": {**common, "prefer": "return=minimal,count=exact"},
            "json": dict(step.values),
        }
    if isinstance(step, Insert):
        return {
            "method": "POST",
            "url": f"{url}?{urlencode([('select', ','.join(step.columns))])}",
            "headers": {**common, "prefer": "return=representation"},
            "json": dict(step.values),
        }
    params = [("select", ",".join(step.columns)), *step.filters]
    params += [("order", step.order)] if step.order else []
    params += [("limit", str(step.limit))] if step.limit else []
    return {"method": "GET", "url": f"{url}?{urlencode(params)}", "headers": common}


def outcome(
    step: Read[Any] | Update | Insert, status: int, headers: Mapping[str, str], body: bytes
) -> list[Any] | int | SupabaseError:
    """Return the step's answer, or the error to raise where no frame holds the body."""
    if not 200 <= status < 300:
        return _failure(step.table, status, body)
    if isinstance(step, Update):
        count = headers.get("content-range", "").partition("/")[2]
        return int(count) if count.isdecimal() else UnexpectedAnswer(status)
    item: Any = step.item if isinstance(step, Read) else Row
    try:
        rows = _list_of(item).validate_json(body, strict=True)
    except ValidationError as error:
        return UnexpectedAnswer(status, _place(step.table, error))
    if isinstance(step, Insert) and len(rows) != 1:
        return UnexpectedAnswer(status)
    return rows


@cache
def _list_of(item: Any) -> TypeAdapter[list[Any]]:
    return TypeAdapter(list[item])


def _place(table: str, error: ValidationError) -> str | None:
    # Of the first failure only where it is; the rest repeats the value.
    found = error.errors(include_url=False, include_context=False, include_input=False)[0]["loc"]
    column = ".".join(str(part) for part in found[1:])
    return f"{table}, row {found[0]}, {column}" if column else None


def _failure(table: str, status: int, body: bytes) -> SupabaseError:
    # PostgREST's details and hint can hold rows, and its message can repeat a value: only the code
    # and the name of a constraint leave this function.
    error = _parsed(body)
    error = error if isinstance(error, dict) else {}
    code = str(error.get("code") or "")
    if status == 401 or code in _EXPIRED:
        return NotSignedIn()
    if status == 403 or code == "42501":
        return Forbidden()
    if code == "PT429":
        return TooSoon()
    if code in _MISSING:
        return NotMigrated(table, code)
    if code == "57014":
        return TimedOut()
    if status >= 500 or status == 429 or code.startswith(_BUSY):
        return Unavailable()
    if status < 400 or not code:
        return UnexpectedAnswer(status)
    constraint = _CONSTRAINT.search(str(error.get("message")))
    return Rejected(code, constraint[1] if constraint else None)


def _parsed(body: bytes) -> object:
    try:
        return from_json(body)
    except ValueError:
        return None
