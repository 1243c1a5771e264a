"""What the signed-in user may ask and change through Client, over real PostgREST."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
import supabase
from pydantic import SecretStr
from tests.rest.conftest import (
    SIGNED_IN,
    Api,
    organization_of,
    publish,
    recorded,
    sub_of,
)

from ephraim_db import (
    CLEAR,
    AdminRequired,
    Client,
    InvalidInput,
    MemberRole,
    NotSignedIn,
    SmsStatus,
)
from ephraim_db.errors import NoSealingKey, NotFound, Rejected, ServiceKeyRefused
from ephraim_db.sealing import Envelope, Keyring, Place, PrivateKey, open_envelope

ACTIVE = [name for name in SIGNED_IN if name != "inactive"]
ADMINS = ["admin", "other_admin", "platform_admin"]
SID = "AC" + "0123456789abcdef" * 2
TOKEN = "canary-9f8e7d6c5b4a"
SECRETS = ("twilio_auth_token", "xero_client_secret", "xero_token_set")


def stored(api: Api, persona: str = "admin") -> dict[str, Any]:
    with api.as_owner() as owner:
        row = owner.execute(
            "select * from organizations where id = %s", [organization_of(persona)]
        ).fetchone()
    assert row is not None
    return row


# reading ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("persona", ACTIVE)
def test_every_member_reads_their_own_organization_in_one_request(persona: str, api: Api) -> None:
    with recorded(api) as requests:
        organization = Client(api(persona)).get_organization()
    assert len(requests) == 1
    row = stored(api, persona)
    assert organization.id == organization_of(persona) == row["id"]
    assert (organization.name, organization.abn) == (row["name"], row["abn"])
    assert organization.twilio_account_sid == row["twilio_account_sid"]
    assert organization.created_at == row["created_at"]
    assert organization.twilio_auth_token_set is True
    assert organization.xero_connected is True
    assert not any(hasattr(organization, secret) for secret in SECRETS[:2])
    assert "seal:" not in repr(organization)


def test_a_member_who_left_reads_nothing(api: Api) -> None:
    client = Client(api("inactive"))
    for ask in (client.get_organization, client.get_profile):
        with pytest.raises(NotFound, match=f"user {sub_of('inactive')} has no active profile"):
            ask()
    with pytest.raises(NotFound):
        client.update_sms_preferences(sms_notifications_enabled=False)
    assert client.list_sms_logs().items == ()


def test_whoever_is_not_signed_in_is_told_before_anything_is_sent(api: Api) -> None:
    client = Client(api("anonymous"))
    with recorded(api) as requests:
        for ask in (client.get_organization, client.get_profile, client.list_sms_logs):
            with pytest.raises(NotSignedIn):
                ask()
        with pytest.raises(NotSignedIn):
            client.update_organization_settings(sms_enabled=False)
    assert requests == []


def test_a_service_key_is_refused_before_anything_is_sent(api: Api) -> None:
    with recorded(api) as requests, pytest.raises(ServiceKeyRefused, match="sign a user in"):
        Client(api("service_role")).get_organization()
    assert requests == []


def test_a_session_that_is_over_is_told(api: Api) -> None:
    over = datetime.now(UTC) - timedelta(hours=1)
    token = api.local.access_token(str(sub_of("admin")), exp=int(over.timestamp()))
    client = supabase.create_client(
        api.local.api_url, api.local.anon_key, supabase.ClientOptions(httpx_client=api.pool)
    )
    client.postgrest.auth(token)
    with pytest.raises(NotSignedIn, match="sign in"):
        Client(client).get_organization()


def test_a_forged_token_is_refused_by_the_server(api: Api) -> None:
    token = api.local.access_token(str(sub_of("admin")))
    head, body, signature = token.split(".")
    client = api("worker")
    client.postgrest.auth(f"{head}.{body}.{signature[::-1]}")
    with pytest.raises(NotSignedIn):
        Client(client).get_organization()


def test_it_acts_as_whoever_is_signed_in_now(api: Api) -> None:
    supabase_client = api("admin")
    client = Client(supabase_client)
    assert client.get_profile().id == sub_of("admin")
    supabase_client.postgrest.auth(api.token("other_worker"))
    assert client.get_profile().id == sub_of("other_worker")


# changing -----------------------------------------------------------------------------------------


def test_a_token_is_sealed_before_it_is_sent_and_opens_for_the_sender_alone(
    api: Api, private_key: PrivateKey
) -> None:
    with recorded(api) as requests:
        organization = Client(api("admin")).update_organization_settings(twilio_auth_token=TOKEN)
    assert organization.twilio_auth_token_set
    place = Place(organization.id, "twilio", "twilio_auth_token")
    envelope = stored(api)["twilio_auth_token"]
    assert open_envelope(envelope, place, Keyring([private_key])) == TOKEN
    for request in requests:
        assert TOKEN not in f"{request.url} {request.headers} {request.content!r}"


def test_both_secrets_are_sealed_each_for_its_own_field(api: Api, private_key: PrivateKey) -> None:
    Client(api("admin")).update_organization_settings(
        twilio_auth_token=SecretStr(f" {TOKEN}\n"), xero_client_secret="another"
    )
    row, keyring = stored(api), Keyring([private_key])
    token, client_secret = row["twilio_auth_token"], row["xero_client_secret"]
    assert open_envelope(token, Place(row["id"], "twilio", "twilio_auth_token"), keyring) == TOKEN
    place = Place(row["id"], "xero", "xero_client_secret")
    assert open_envelope(client_secret, place, keyring) == "another"


def test_a_secret_column_is_in_no_request_but_as_the_value_that_is_set(
    api: Api, private_key: PrivateKey
) -> None:
    client = Client(api("admin"))
    with recorded(api) as requests:
        client.update_organization_settings(twilio_auth_token=TOKEN, xero_client_secret=CLEAR)
        client.get_organization()
        client.get_profile()
        client.update_sms_preferences(phone="+61491570157")
        client.list_sms_logs(status="failed")
    named = ("*", *SECRETS)
    for request in requests:
        query = request.url.params
        columns = query.get("select", "").replace("(", ",").replace(")", ",").split(",")
        assert not set(columns) & set(named)
        assert not set(query) & set(named)
        assert not any(secret in query.get("order", "") for secret in SECRETS)
        if request.method == "PATCH":
            assert request.headers["prefer"] == "return=minimal,count=exact"
            assert "id" in query
    bodies = [json.loads(request.content) for request in requests if request.method == "PATCH"]
    assert bodies[0]["twilio_auth_token"].startswith("seal:v1:")
    assert bodies[0]["xero_client_secret"] is None
    assert {request.method for request in requests} == {"GET", "PATCH"}


@pytest.mark.parametrize("blank", [None, "", "  ", SecretStr("")])
def test_a_secret_left_out_or_blank_stays(blank: Any, api: Api) -> None:
    before = stored(api)
    organization = Client(api("admin")).update_organization_settings(
        name="Acacia", twilio_auth_token=blank, xero_client_secret=blank
    )
    assert (organization.name, organization.twilio_auth_token_set) == ("Acacia", True)
    after = stored(api)
    assert [after[secret] for secret in SECRETS] == [before[secret] for secret in SECRETS]


def test_clear_removes_a_secret_and_only_that(api: Api) -> None:
    before = stored(api)
    organization = Client(api("admin")).update_organization_settings(twilio_auth_token=CLEAR)
    assert not organization.twilio_auth_token_set
    assert organization.xero_client_secret_set
    after = stored(api)
    assert after["twilio_auth_token"] is None
    assert after["twilio_account_sid"] == before["twilio_account_sid"]


def test_another_account_sid_clears_the_token_of_the_account_before(api: Api) -> None:
    organization = Client(api("admin")).update_organization_settings(twilio_account_sid=SID)
    assert organization.twilio_account_sid == SID
    assert not organization.twilio_auth_token_set


def test_another_account_sid_with_its_token_is_stored_whole(
    api: Api, private_key: PrivateKey
) -> None:
    organization = Client(api("admin")).update_organization_settings(
        twilio_account_sid=SID, twilio_auth_token=TOKEN
    )
    assert (organization.twilio_account_sid, organization.twilio_auth_token_set) == (SID, True)


def test_plain_fields_are_changed_cleared_and_kept(api: Api) -> None:
    client = Client(api("admin"))
    changed = client.update_organization_settings(
        name=" Acacia Community Care ",
        abn="51 824 753 556",
        twilio_phone_number="+61491570158",
    )
    assert (changed.name, changed.abn) == ("Acacia Community Care", "51824753556")
    assert changed.twilio_phone_number == "+61491570158"
    cleared = client.update_organization_settings(abn=CLEAR, twilio_phone_number=CLEAR)
    assert (cleared.abn, cleared.twilio_phone_number) == (None, None)
    assert (cleared.name, cleared.xero_client_id) == (changed.name, changed.xero_client_id)


def test_flags_are_merged_and_never_overwrite_each_other(api: Api) -> None:
    one, other = Client(api("admin")), Client(api("platform_admin"))
    with recorded(api) as requests:
        one.update_organization_settings(sms_enabled=False)
        organization = other.update_organization_settings(ndia_registered=False)
    assert (organization.sms_enabled, organization.ndia_registered) == (False, False)
    assert organization.xero_connected is True
    sent = [json.loads(request.content) for request in requests if request.method == "PATCH"]
    assert sent == [{"settings": {"sms_enabled": False}}, {"settings": {"ndia_registered": False}}]


def test_nothing_given_writes_nothing(api: Api) -> None:
    with recorded(api) as requests:
        organization = Client(api("worker")).update_organization_settings(twilio_auth_token="")
        Client(api("worker")).update_sms_preferences()
    assert organization.id == organization_of("worker")
    assert {request.method for request in requests} == {"GET"}


@pytest.mark.parametrize("persona", [name for name in ACTIVE if name not in ADMINS])
def test_only_an_admin_changes_settings_and_the_database_decides(
    persona: str, api: Api, private_key: PrivateKey
) -> None:
    before = stored(api, persona)
    client = Client(api(persona))
    with recorded(api) as requests, pytest.raises(AdminRequired, match="only admins"):
        client.update_organization_settings(sms_enabled=False)
    assert [request.method for request in requests] == ["GET", "PATCH"]
    with pytest.raises(AdminRequired):
        client.update_organization_settings(twilio_auth_token=TOKEN)
    assert stored(api, persona) == before


@pytest.mark.parametrize("persona", ADMINS)
def test_an_admin_changes_their_own_organization_and_no_other(persona: str, api: Api) -> None:
    others = [name for name in ADMINS if organization_of(name) != organization_of(persona)]
    before = {name: stored(api, name) for name in others}
    Client(api(persona)).update_organization_settings(name=f"of {persona}")
    assert stored(api, persona)["name"] == f"of {persona}"
    assert {name: stored(api, name) for name in others} == before


# the key that secrets are sealed to ---------------------------------------------------------------


def test_without_an_active_key_no_secret_is_sent(api: Api) -> None:
    with recorded(api) as requests, pytest.raises(NoSealingKey, match="publish one"):
        Client(api("admin")).update_organization_settings(twilio_auth_token=TOKEN)
    assert {request.method for request in requests} == {"GET"}


def test_a_key_whose_kid_is_not_its_thumbprint_is_not_used(fresh_api: Api) -> None:
    api = fresh_api
    kid, other = PrivateKey.generate().public().kid, PrivateKey.generate().public().x
    with api.as_owner() as owner:
        owner.execute("alter table sealing_keys drop constraint sealing_keys_kid_is_thumbprint")
        owner.execute(
            "insert into sealing_keys (kid, x, status) values (%s, %s, 'active')", (kid, other)
        )
    with recorded(api) as requests, pytest.raises(NoSealingKey):
        Client(api("admin")).update_organization_settings(twilio_auth_token=TOKEN)
    assert {request.method for request in requests} == {"GET"}


def test_a_secret_is_sealed_to_the_key_that_is_active_now(api: Api) -> None:
    client = Client(api("admin"))
    for _ in range(2):
        kid = publish(api).public().kid
        client.update_organization_settings(twilio_auth_token=TOKEN)
        assert Envelope.parse(stored(api)["twilio_auth_token"]).kid == kid


def test_a_key_retired_between_reading_and_writing_is_refused(
    api: Api, private_key: PrivateKey
) -> None:
    def retire(request: httpx.Request) -> None:
        if request.method == "PATCH":
            with api.as_owner() as owner:
                owner.execute("update sealing_keys set status = 'retired'")

    before = stored(api)
    api.pool.event_hooks = {"request": [retire]}
    with pytest.raises(Rejected) as caught:
        Client(api("admin")).update_organization_settings(twilio_auth_token=TOKEN)
    assert caught.value.code == "23514"
    assert stored(api) == before


# refused before anything is sent ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "  "),
        ("name", CLEAR),
        ("abn", "51824753557"),
        ("twilio_account_sid", "AC123"),
        ("twilio_account_sid", ""),
        ("twilio_phone_number", "0491570156"),
        ("twilio_auth_token", "two\nlines"),
        ("xero_client_id", ""),
        ("xero_client_secret", "x" * 16_385),
        ("sms_enabled", "false"),
        ("ndia_registered", 1),
    ],
)
def test_a_bad_setting_is_refused_by_name_before_anything_is_sent(
    field: str, value: Any, api: Api
) -> None:
    with recorded(api) as requests, pytest.raises(InvalidInput) as caught:
        Client(api("admin")).update_organization_settings(**{field: value})
    assert caught.value.field == field
    assert requests == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("status", "Delivered"),
        ("created_from", datetime(2026, 1, 27)),
        ("created_before", "yesterday"),
        ("related_shift_id", "1"),
        ("related_worker_id", ""),
        ("related_participant_id", 7),
        ("page_size", 0),
        ("page_size", 501),
        ("after", "eyJhIjoxfQ"),
    ],
)
def test_a_bad_filter_is_refused_by_name_before_anything_is_sent(
    field: str, value: Any, api: Api
) -> None:
    with recorded(api) as requests, pytest.raises(InvalidInput) as caught:
        Client(api("admin")).list_sms_logs(**{field: value})
    assert caught.value.field == field
    assert requests == []


# profile and preferences --------------------------------------------------------------------------


@pytest.mark.parametrize("persona", ACTIVE)
def test_every_member_reads_and_changes_their_own_preferences(persona: str, api: Api) -> None:
    client = Client(api(persona))
    before = client.get_profile()
    assert (before.id, before.organization_id) == (sub_of(persona), organization_of(persona))
    after = client.update_sms_preferences(phone="+61491570156", sms_notifications_enabled=False)
    assert (after.phone, after.sms_notifications_enabled) == ("+61491570156", False)
    assert after.role == before.role
    kept = client.update_sms_preferences(sms_notifications_enabled=True)
    assert (kept.phone, kept.sms_notifications_enabled) == ("+61491570156", True)
    assert client.update_sms_preferences(phone=CLEAR).phone is None


def test_preferences_of_nobody_else_change(api: Api) -> None:
    def others() -> list[dict[str, Any]]:
        with api.as_owner() as owner:
            return owner.execute(
                "select * from profiles where id <> %s order by id", [sub_of("admin")]
            ).fetchall()

    before = others()
    Client(api("admin")).update_sms_preferences(phone="+61491570156")
    assert others() == before


def test_a_profile_is_typed_and_its_repr_keeps_personal_data_out(api: Api) -> None:
    profile = Client(api("coordinator")).get_profile()
    assert profile.role is MemberRole.COORDINATOR
    for personal in (profile.first_name, profile.last_name, profile.email, profile.phone):
        assert personal is not None
        assert personal not in repr(profile)


@pytest.mark.parametrize("phone", ["", "0491570156", "+61 491 570 156"])
def test_a_bad_phone_is_refused_before_anything_is_sent(phone: str, api: Api) -> None:
    with recorded(api) as requests, pytest.raises(InvalidInput, match=r"phone: is not E\.164"):
        Client(api("worker")).update_sms_preferences(phone=phone)
    assert requests == []


# the SMS log --------------------------------------------------------------------------------------


@pytest.mark.parametrize("persona", ACTIVE)
def test_the_log_shows_what_the_persona_may_read_and_no_more(persona: str, api: Api) -> None:
    is_participant = persona in ("participant", "other_participant", "newcomer")
    own = "and related_participant_id = p.id" if is_participant else ""
    with api.as_owner() as owner:
        expected = owner.execute(
            "select l.id from sms_logs as l left join participants as p on p.profile_id = %s "
            f"where l.organization_id = %s {own} order by l.created_at desc, l.id desc",
            (sub_of(persona), organization_of(persona)),
        ).fetchall()
    page = Client(api(persona)).list_sms_logs()
    assert [log.id for log in page.items] == [row["id"] for row in expected]
    assert page.next is None
    assert bool(page.items) == (persona != "newcomer")


def test_filters_narrow_the_log(api: Api) -> None:
    client = Client(api("worker"))
    everything = client.list_sms_logs().items
    failed = client.list_sms_logs(status=SmsStatus.FAILED).items
    assert [log.error_code for log in failed] == [21211]
    assert failed == client.list_sms_logs(status="failed").items
    about = next(log for log in everything if log.related_worker_id)
    assert about.related_worker_id is not None
    of_worker = client.list_sms_logs(related_worker_id=str(about.related_worker_id)).items
    assert of_worker == tuple(
        log for log in everything if log.related_worker_id == about.related_worker_id
    )
    of_shift = client.list_sms_logs(related_shift_id=about.related_shift_id).items
    assert of_shift == tuple(
        log for log in everything if log.related_shift_id == about.related_shift_id
    )
    assert 0 < len(of_worker) < len(of_shift) < len(everything)
    assert client.list_sms_logs(related_participant_id=UUID(int=1)).items == ()


def test_time_filters_take_the_start_and_leave_out_the_end(api: Api) -> None:
    client = Client(api("worker"))
    times = sorted({log.created_at for log in client.list_sms_logs().items})
    page = client.list_sms_logs(created_from=times[1], created_before=times[3])
    assert sorted({log.created_at for log in page.items}) == times[1:3]
    with pytest.raises(InvalidInput, match="created_before: is not after created_from"):
        client.list_sms_logs(created_from=times[1], created_before=times[1])


def test_iterating_gives_every_message_once_whatever_the_page_size(api: Api) -> None:
    client = Client(api("coordinator"))
    whole = client.list_sms_logs().items
    for size in (1, 2, len(whole), len(whole) + 1):
        assert tuple(client.iter_sms_logs(page_size=size)) == whole
    assert (
        tuple(client.iter_sms_logs(status="failed")) == client.list_sms_logs(status="failed").items
    )


def test_a_cursor_of_other_filters_is_refused(api: Api) -> None:
    client = Client(api("coordinator"))
    page = client.list_sms_logs(page_size=1)
    assert page.next is not None
    with pytest.raises(InvalidInput, match="after: is not the `next` of a page with the same"):
        client.list_sms_logs(status="failed", after=page.next)


def test_a_message_is_typed_and_its_repr_keeps_number_and_text_out(api: Api) -> None:
    log = Client(api("admin")).list_sms_logs(status="delivered").items[0]
    assert log.status is SmsStatus.DELIVERED
    assert log.delivered_at is not None
    assert log.delivered_at.tzinfo is not None
    assert log.to_phone not in repr(log)
    assert log.message_body not in repr(log)


def test_the_statuses_are_those_of_the_database(api: Api) -> None:
    with api.as_owner() as owner:
        row = owner.execute("select enum_range(null::sms_status)::text[] as statuses").fetchone()
    assert row is not None
    assert sorted(row["statuses"]) == sorted(SmsStatus)
