"""PostgREST's answers become typed errors, which carry nothing that a row or a request held."""

import json
import pickle
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, get_type_hints
from uuid import UUID

import httpx
import pytest

from ephraim_db.errors import (
    Forbidden,
    NotMigrated,
    NotSignedIn,
    Rejected,
    SupabaseError,
    TimedOut,
    Unavailable,
    UnexpectedAnswer,
)
from ephraim_db.profiles import Profile
from ephraim_db.rest import outcome, request
from ephraim_db.sms_log_events import SmsLogEvent
from ephraim_db.sms_logs import COLUMNS, SmsLog, SmsStatus
from ephraim_db.sms_outcomes import SmsOutcome
from ephraim_db.steps import Read, Row, Update

ID = UUID("aaaaaaaa-0000-4000-8000-000000000001")
READ = Read("profiles", Row, ("id", "phone"), (("id", f"eq.{ID}"),), "id.desc", 5)
UPDATE = Update("profiles", ID, {"phone": "+61400000001"})
CANARY = "canary-9f8e7d6c"


def failure(status: int, **error: object) -> SupabaseError:
    body = json.dumps({"details": CANARY, "hint": CANARY, "message": CANARY, **error}).encode()
    answer = outcome(READ, status, {}, body)
    assert isinstance(answer, SupabaseError)
    assert CANARY not in f"{answer!s} {answer!r} {answer.args} {vars(answer)}"
    return answer


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (401, None, NotSignedIn),
        (401, "42501", NotSignedIn),
        (401, "PGRST301", NotSignedIn),
        (403, "42501", Forbidden),
        (400, "42703", NotMigrated),
        (404, "42P01", NotMigrated),
        (404, "PGRST205", NotMigrated),
        (400, "23514", Rejected),
        (409, "23505", Rejected),
        (400, "PGRST100", Rejected),
        (500, "57014", TimedOut),
        (500, "40P01", Unavailable),
        (400, "55P03", Unavailable),
        (503, "PGRST000", Unavailable),
        (429, None, Unavailable),
        (502, None, Unavailable),
        (404, None, UnexpectedAnswer),
        (302, None, UnexpectedAnswer),
    ],
)
def test_a_failure_has_the_type_of_its_cause(
    status: int, code: str | None, expected: type[SupabaseError]
) -> None:
    assert type(failure(status, code=code)) is expected


def test_a_refused_value_names_the_constraint_and_not_the_value() -> None:
    message = f'new row for relation "profiles" violates check constraint "phone_e164" {CANARY}'
    rejected = failure(400, code="23514", message=message)
    assert isinstance(rejected, Rejected)
    assert (rejected.code, rejected.constraint) == ("23514", "phone_e164")
    assert "phone_e164" in str(rejected)


def test_a_missing_table_says_to_migrate() -> None:
    assert "profiles is not as expected (42P01): apply" in str(failure(404, code="42P01"))


@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", b"[1]", b"null", b"\xff"])
def test_an_answer_that_is_no_list_of_rows_is_unexpected(body: bytes) -> None:
    assert isinstance(outcome(READ, 200, {}, body), UnexpectedAnswer)


@pytest.mark.parametrize("content_range", [None, "", "*/*", "0-0", "many/some"])
def test_an_update_that_was_not_counted_is_unexpected(content_range: str | None) -> None:
    headers = {"content-range": content_range} if content_range is not None else {}
    assert isinstance(outcome(UPDATE, 204, headers, b""), UnexpectedAnswer)


def test_an_update_reports_the_rows_it_touched() -> None:
    assert outcome(UPDATE, 204, {"content-range": "*/0"}, b"") == 0
    assert outcome(UPDATE, 204, {"content-range": "0-0/1"}, b"") == 1


def test_an_update_asks_for_no_row_back_and_filters_by_id() -> None:
    asked = request(UPDATE, "http://localhost/rest/v1", {"Prefer": "return=representation"})
    assert asked["headers"]["prefer"] == "return=minimal,count=exact"
    assert "Prefer" not in asked["headers"]
    assert asked["url"] == f"http://localhost/rest/v1/profiles?id=eq.{ID}"


def test_values_are_in_the_body_and_in_no_url_and_no_repr() -> None:
    asked = request(UPDATE, "http://localhost/rest/v1", {})
    assert asked["json"] == {"phone": "+61400000001"}
    assert "61400000001" not in f"{asked['url']} {UPDATE!r}"


def test_tables_are_those_of_public_whatever_schema_the_client_prefers() -> None:
    asked = request(READ, "http://localhost/rest/v1/", {"Accept-Profile": "other", "apikey": "k"})
    assert asked["headers"] == {
        "apikey": "k",
        "accept-profile": "public",
        "content-profile": "public",
    }
    assert httpx.URL(asked["url"]).path == "/rest/v1/profiles"


def test_a_filter_arrives_as_it_was_meant_whatever_is_in_it() -> None:
    moment = datetime(2026, 3, 1, tzinfo=timezone(timedelta(hours=11))).isoformat()
    filters = (("created_at", f"gte.{moment}"), ("note", "eq.a&b=c#d %2B ü"))
    asked = request(Read("notes", Row, ("id", "a:b!c(d)"), filters), "http://localhost", {})
    arrived = httpx.Request(asked["method"], asked["url"]).url.params.multi_items()
    assert arrived == [("select", "id,a:b!c(d)"), *filters]


NOON = "2026-03-01T12:00:00.000001+00:00"
MESSAGE = dict.fromkeys(COLUMNS) | {
    "id": str(ID),
    "to_phone": "+61400000001",
    "message_body": CANARY,
    "status": "sent",
    "created_at": "2026-03-01T09:30:00.12+11:00",
    "updated_at": "2026-02-28T22:30:00+00:00",
}
MESSAGES = Read("sms_logs", SmsLog, COLUMNS)


def test_rows_are_read_as_what_the_step_asks_for() -> None:
    answer = outcome(MESSAGES, 200, {}, json.dumps([MESSAGE]).encode())
    assert isinstance(answer, list)
    (message,) = answer
    assert isinstance(message, SmsLog)
    assert (message.id, message.status, message.sent_at) == (ID, SmsStatus.SENT, None)
    assert message.created_at == datetime(2026, 2, 28, 22, 30, 0, 120_000, tzinfo=UTC)
    assert message.created_at.utcoffset() == timedelta(hours=11)
    assert pickle.loads(pickle.dumps(message)) == message


@pytest.mark.parametrize(
    ("column", "value"),
    [("status", CANARY), ("id", CANARY), ("created_at", CANARY), ("error_code", "30003")],
)
def test_a_value_of_another_type_is_named_by_its_place_and_not_repeated(
    column: str, value: object
) -> None:
    body = json.dumps([MESSAGE, {**MESSAGE, column: value}]).encode()
    answer = outcome(MESSAGES, 200, {}, body)
    assert isinstance(answer, UnexpectedAnswer)
    assert answer.place == f"sms_logs, row 1, {column}"
    assert f"{answer.place}: no value that this version knows. Apply" in str(answer)
    assert CANARY not in f"{answer!s} {answer!r} {answer.args} {vars(answer)}"
    assert (answer.__cause__, answer.__context__) == (None, None)


ROWS: list[tuple[type[Any], dict[str, object]]] = [
    (SmsLog, MESSAGE | {"error_code": 30003, "related_worker_id": str(ID), "sent_at": NOON}),
    (
        Profile,
        {
            "id": str(ID),
            "organization_id": str(ID),
            "role": "worker",
            "first_name": "Ann",
            "last_name": "Lee",
            "email": "ann@example.org",
            "phone": None,
            "sms_notifications_enabled": True,
            "is_platform_admin": False,
            "created_at": NOON,
            "updated_at": NOON,
        },
    ),
    (
        SmsLogEvent,
        {
            "source": "callback",
            "status": "sent",
            "error_code": None,
            "note": None,
            "moved": True,
            "created_at": NOON,
        },
    ),
    (SmsOutcome, {"day": "2026-03-01", "status": "sent", "messages": 3}),
]


@pytest.mark.parametrize(("item", "row"), ROWS)
def test_every_value_of_a_row_has_the_type_that_its_field_says(
    item: type[Any], row: dict[str, object]
) -> None:
    answer = outcome(Read("rows", item, tuple(row)), 200, {}, json.dumps([row]).encode())
    assert isinstance(answer, list)
    (read,) = answer
    for name, hint in get_type_hints(item).items():
        value = getattr(read, name)
        assert isinstance(value, hint), name
        given = row[name]
        if isinstance(value, datetime):
            assert value == datetime.fromisoformat(str(given)), name
        else:
            assert str(value) == str(given), name


def test_a_column_that_is_missing_is_named_by_its_place() -> None:
    row = {name: value for name, value in MESSAGE.items() if name != "sent_at"}
    answer = outcome(MESSAGES, 200, {}, json.dumps([row]).encode())
    assert isinstance(answer, UnexpectedAnswer)
    assert answer.place == "sms_logs, row 0, sent_at"
