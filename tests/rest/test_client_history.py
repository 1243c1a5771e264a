"""What became of messages, credentials and the Xero connection, as each member may know it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from tests.rest.conftest import Api, organization_of, recorded, sub_of

from ephraim_db import AdminRequired, Client, InvalidInput, SmsStatus
from ephraim_db.errors import NotFound, TooSoon

STAFF = ["admin", "coordinator", "worker"]
SUMMER: dict[str, Any] = {
    "created_from": datetime(2026, 1, 1, tzinfo=UTC),
    "created_before": datetime(2026, 3, 1, tzinfo=UTC),
}


def test_one_message_is_read_by_those_who_may_read_the_log(api: Api) -> None:
    message = Client(api("participant")).list_sms_logs().items[0]
    for persona in (*STAFF, "participant"):
        assert Client(api(persona)).get_sms_log(str(message.id)) == message
    for persona in ("other_admin", "other_participant", "inactive"):
        with pytest.raises(NotFound, match=str(message.id)):
            Client(api(persona)).get_sms_log(message.id)


def test_the_events_of_a_message_are_told_oldest_first_to_the_same_people(api: Api) -> None:
    message = Client(api("participant")).list_sms_logs().items[0]
    with api.as_owner() as owner:
        owner.execute(
            "insert into sms_log_events (organization_id, sms_log_id, source, status, moved, "
            "created_at) values (%s, %s, 'callback', 'sent', false, '2026-01-01 00:00:00+00')",
            (organization_of("participant"), message.id),
        )
    events = Client(api("participant")).list_sms_log_events(message.id)
    assert [(event.status, event.moved) for event in events] == [
        ("sent", False),
        ("delivered", True),
    ]
    for persona in STAFF:
        assert Client(api(persona)).list_sms_log_events(message.id) == events
    assert Client(api("other_admin")).list_sms_log_events(message.id) == ()


@pytest.mark.parametrize("ask", ["get_sms_log", "list_sms_log_events"])
def test_what_is_no_message_id_is_refused_before_anything_is_sent(ask: str, api: Api) -> None:
    with recorded(api) as requests, pytest.raises(InvalidInput, match="sms_log_id"):
        getattr(Client(api("admin")), ask)("1")
    assert requests == []


def test_outcomes_are_counted_by_day_and_status_of_what_the_caller_may_read(api: Api) -> None:
    counted = Client(api("worker")).count_sms_outcomes(**SUMMER)
    messages = Client(api("worker")).list_sms_logs().items
    assert {(outcome.day, outcome.status) for outcome in counted} == {
        (message.created_at.astimezone(UTC).date(), message.status) for message in messages
    }
    assert sum(outcome.messages for outcome in counted) == len(messages)
    own = Client(api("participant")).count_sms_outcomes(**SUMMER)
    assert [(outcome.status, outcome.messages) for outcome in own] == [(SmsStatus.DELIVERED, 1)]
    assert Client(api("inactive")).count_sms_outcomes(**SUMMER) == ()


def test_a_day_begins_at_midnight_where_one_says(api: Api) -> None:
    def days(time_zone: str) -> set[date]:
        counted = Client(api("worker")).count_sms_outcomes(**SUMMER, time_zone=time_zone)
        return {outcome.day for outcome in counted}

    assert days("UTC") == days("Australia/Sydney") == {date(2026, 2, 1)}
    assert days("Pacific/Honolulu") == {date(2026, 1, 31)}


def test_no_count_is_cut_by_the_largest_answer_that_postgrest_gives(api: Api) -> None:
    with api.as_owner() as owner:
        owner.execute(
            "insert into sms_logs (organization_id, to_phone, message_body, status, created_at) "
            "select %s, '+61491570006', 'hello', status, timestamptz '2030-01-01 12:00:00+00' "
            "+ day * interval '1 day' from generate_series(0, 61) as day, "
            "unnest(enum_range(null::sms_status)) as status",
            [organization_of("admin")],
        )
    start = datetime(2030, 1, 1, tzinfo=UTC)
    counted = Client(api("admin")).count_sms_outcomes(
        created_from=start, created_before=start + timedelta(days=62)
    )
    assert len(counted) == 62 * len(SmsStatus)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("time_zone", "Sydney"),
        ("time_zone", "../../etc/passwd"),
        ("created_from", datetime(2026, 1, 1)),
        ("created_before", "2026-01-01"),
        ("created_before", datetime(2026, 3, 5, tzinfo=UTC)),
    ],
)
def test_a_bad_question_is_refused_before_anything_is_sent(
    field: str, value: Any, api: Api
) -> None:
    with recorded(api) as requests, pytest.raises(InvalidInput, match=field):
        Client(api("worker")).count_sms_outcomes(**(SUMMER | {field: value}))
    assert requests == []


@pytest.mark.parametrize("persona", STAFF)
def test_staff_see_their_organizations_xero_connection(persona: str, api: Api) -> None:
    connection = Client(api(persona)).get_xero_connection()
    assert connection is not None
    assert connection.tenant_name == "Acacia Care Pty Ltd"
    assert connection.reauth_reason is None


@pytest.mark.parametrize("persona", ["participant", "inactive"])
def test_others_see_no_xero_connection(persona: str, api: Api) -> None:
    assert Client(api(persona)).get_xero_connection() is None


@pytest.mark.parametrize("persona", ["participant", "worker", "coordinator"])
def test_only_an_admin_asks_for_a_test_of_the_credential(persona: str, api: Api) -> None:
    with pytest.raises(AdminRequired):
        Client(api(persona)).request_credential_test()


def test_an_admin_asks_for_a_test_in_their_own_name(api: Api) -> None:
    requested = Client(api("admin")).request_credential_test()
    with api.as_owner() as owner:
        row = owner.execute("select * from credential_tests where id = %s", [requested]).fetchone()
    assert row is not None
    assert row["organization_id"] == organization_of("admin")
    assert (row["requested_by"], row["used_at"]) == (sub_of("admin"), None)


def test_asking_too_often_is_told_and_no_more_tests_are_asked_for(api: Api) -> None:
    client = Client(api("admin"))
    for _ in range(5):
        client.request_credential_test()
    with pytest.raises(TooSoon, match="wait ten minutes"):
        client.request_credential_test()
    assert Client(api("other_admin")).request_credential_test()


def test_an_unknown_provider_is_refused_before_anything_is_sent(api: Api) -> None:
    with recorded(api) as requests, pytest.raises(InvalidInput, match="provider"):
        Client(api("admin")).request_credential_test("telstra")
    assert requests == []


def test_the_last_test_is_told_until_the_credential_changes(api: Api) -> None:
    client = Client(api("admin"))
    assert client.get_last_twilio_test() is None
    requested = client.request_credential_test()
    message = UUID(int=42)
    with api.as_owner() as owner:
        owner.execute("update credential_tests set used_at = now() where id = %s", [requested])
        owner.execute(
            "insert into sms_logs (id, organization_id, to_phone, message_body, idempotency_key) "
            "values (%s, %s, '+61491570006', 'a test', %s)",
            (message, organization_of("admin"), f"test {requested}"),
        )
    told = client.get_last_twilio_test()
    assert told is not None
    assert (told.id, told.status) == (message, SmsStatus.PENDING)
    assert Client(api("coordinator")).get_last_twilio_test() is None
    assert datetime.now(UTC) - told.created_at < timedelta(minutes=1)
    client.update_organization_settings(twilio_phone_number="+61491570157")
    assert client.get_last_twilio_test() is None
