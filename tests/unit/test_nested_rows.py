"""What a row of an organization, or of its connection to Xero, lacks or has wrong is named."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest

from ephraim_db.errors import UnexpectedAnswer
from ephraim_db.organizations import MINE
from ephraim_db.rest import outcome
from ephraim_db.xero_connections import STORED

ID = "aaaaaaaa-0000-4000-8000-000000000001"
CANARY = "canary-9f8e7d6c"
ORGANIZATION: dict[str, object] = {
    "id": ID,
    "name": "Acme",
    "abn": None,
    "settings": {"sms_enabled": True, "of_a_later_version": 1},
    **dict.fromkeys(("twilio_account_sid", "twilio_phone_number", "xero_client_id")),
    **{"xero_tenant_id": None, "twilio_auth_token_set": False},
    **dict.fromkeys(("xero_client_secret_set", "xero_token_set_set"), False),
    **dict.fromkeys(("created_at", "updated_at"), "2026-03-01T12:00:00+00:00"),
}
CONNECTION: dict[str, object] = {
    "tenant_name": "Acme",
    **dict.fromkeys(("reauth_reason", "last_error", "last_error_at")),
    **dict.fromkeys(("connected_at", "refreshed_at"), "2026-03-01T12:00:00+00:00"),
    "connected_by": {"first_name": "Ann", "last_name": "Lee"},
}


@pytest.mark.parametrize("row", [{"organization": ORGANIZATION}, {"organization": None}])
def test_an_organization_is_read_whatever_flags_it_has(row: dict[str, object]) -> None:
    (mine,) = cast("list[Any]", outcome(MINE, 200, {}, json.dumps([row]).encode()))
    assert (mine.organization is None) == (row["organization"] is None)
    if mine.organization:
        assert mine.organization.settings.sms_enabled is True
        assert mine.organization.settings.ndia_registered is False


@pytest.mark.parametrize("value", [CANARY, None, 1, ["x"]])
@pytest.mark.parametrize("column", ["id", "settings", "twilio_auth_token_set", "created_at"])
def test_a_value_that_is_no_organizations_is_named_by_its_place(column: str, value: object) -> None:
    body = json.dumps([{"organization": {**ORGANIZATION, column: value}}]).encode()
    _named(outcome(MINE, 200, {}, body), f"profiles, row 0, organization.{column}")


@pytest.mark.parametrize("column", ORGANIZATION)
def test_a_column_that_an_organization_lacks_is_named(column: str) -> None:
    row = {name: value for name, value in ORGANIZATION.items() if name != column}
    body = json.dumps([{"organization": row}]).encode()
    _named(outcome(MINE, 200, {}, body), f"profiles, row 0, organization.{column}")


@pytest.mark.parametrize("column", CONNECTION)
def test_a_column_that_a_connection_lacks_is_named(column: str) -> None:
    row = {name: value for name, value in CONNECTION.items() if name != column}
    body = json.dumps([row]).encode()
    _named(outcome(STORED, 200, {}, body), f"xero_connections, row 0, {column}")


@pytest.mark.parametrize(("column", "value"), [("connected_at", CANARY), ("tenant_name", None)])
def test_a_value_that_is_no_connections_is_named_by_its_place(column: str, value: object) -> None:
    body = json.dumps([{**CONNECTION, column: value}]).encode()
    _named(outcome(STORED, 200, {}, body), f"xero_connections, row 0, {column}")


def _named(answer: object, place: str) -> None:
    assert isinstance(answer, UnexpectedAnswer)
    assert answer.place == place
    assert "Apply supabase/migrations" in str(answer)
    assert CANARY not in f"{answer!s} {answer!r} {answer.args} {vars(answer)}"
