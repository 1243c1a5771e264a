"""PostgREST's answers become typed errors, which carry nothing that a row or a request held."""

import json
from uuid import UUID

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
from ephraim_db.rest import outcome, request
from ephraim_db.steps import Read, Update

ID = UUID("aaaaaaaa-0000-4000-8000-000000000001")
READ = Read("profiles", ("id", "phone"), (("id", f"eq.{ID}"),), "id.desc", 5)
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
    assert asked["params"] == [("id", f"eq.{ID}")]


def test_values_are_in_the_body_and_in_no_url_and_no_repr() -> None:
    asked = request(UPDATE, "http://localhost/rest/v1", {})
    assert asked["json"] == {"phone": "+61400000001"}
    assert "61400000001" not in f"{asked['url']} {asked['params']} {UPDATE!r}"


def test_tables_are_those_of_public_whatever_schema_the_client_prefers() -> None:
    asked = request(READ, "http://localhost/rest/v1/", {"Accept-Profile": "other", "apikey": "k"})
    assert asked["headers"] == {
        "apikey": "k",
        "accept-profile": "public",
        "content-profile": "public",
    }
    assert asked["url"] == "http://localhost/rest/v1/profiles"
