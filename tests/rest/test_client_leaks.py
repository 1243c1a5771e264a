"""No error, log line or traceback of the client holds a secret, a token, or a row's contents."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx
import pytest
import supabase
from postgrest import APIError
from tests.rest.conftest import Api, publish, sub_of

from ephraim_db import AdminRequired, Client, EphraimError, InvalidInput
from ephraim_db.errors import ConnectionFailed, NoSealingKey, Rejected, UnexpectedAnswer

SECRET = "canary-9f8e7d6c5b4a"
PHONE = "+61491570999"
TESTS = str(Path(__file__).parents[1])


def chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def frames(trace: TracebackType | None) -> Iterator[dict[str, Any]]:
    while trace is not None:
        if not trace.tb_frame.f_code.co_filename.startswith(TESTS):
            yield trace.tb_frame.f_locals
        trace = trace.tb_next


def said_by(error: BaseException) -> str:
    said = ["".join(traceback.format_exception(error))]
    for part in chain(error):
        said += [str(part), repr(part), repr(part.args), repr(vars(part))]
    return "\n".join(said)


def held_by(error: BaseException) -> str:
    return "\n".join(repr(held) for part in chain(error) for held in frames(part.__traceback__))


def as_worker(api: Api) -> None:
    publish(api)
    Client(api("worker")).update_organization_settings(twilio_auth_token=SECRET)


def with_a_bad_sid(api: Api) -> None:
    Client(api("admin")).update_organization_settings(
        twilio_account_sid="AC", twilio_auth_token=SECRET, xero_client_secret=SECRET
    )


def with_a_bad_secret(api: Api) -> None:
    Client(api("admin")).update_organization_settings(twilio_auth_token=f"{SECRET}\0{SECRET}")


def without_a_key(api: Api) -> None:
    Client(api("admin")).update_organization_settings(twilio_auth_token=SECRET)


# A function that reads past RLS prints in DETAIL what its caller may not see.
TELLTALE = f"""
create function tell() returns trigger language plpgsql security definer as $$
begin
    raise exception 'new row for relation "profiles" violates check constraint "nobody"'
        using errcode = '23514', detail = 'Failing row contains ({PHONE})', hint = '{PHONE}';
end $$;
create trigger tell before update on profiles for each row execute function tell();
"""


def against_a_constraint(api: Api) -> None:
    with api.as_owner() as owner:
        owner.execute(TELLTALE)
    Client(api("worker")).update_sms_preferences(phone=PHONE)


def cut_off(api: Api) -> None:
    publish(api)

    def cut(request: httpx.Request) -> None:
        if request.method == "PATCH":
            raise httpx.ReadError("cut off", request=request)

    api.pool.event_hooks = {"request": [cut]}
    Client(api("admin")).update_organization_settings(twilio_auth_token=SECRET)


def after_closing(api: Api) -> None:
    pool = httpx.Client()
    headers = {"Authorization": f"Bearer {api.token('admin')}"}
    options = supabase.ClientOptions(httpx_client=pool, headers=headers)
    client = Client(supabase.create_client(api.local.api_url, api.local.anon_key, options))
    pool.close()
    client.update_organization_settings(twilio_auth_token=SECRET)


FAILURES: list[tuple[Callable[[Api], None], type[EphraimError]]] = [
    (as_worker, AdminRequired),
    (with_a_bad_sid, InvalidInput),
    (with_a_bad_secret, InvalidInput),
    (without_a_key, NoSealingKey),
    (against_a_constraint, Rejected),
    (cut_off, ConnectionFailed),
    (after_closing, ConnectionFailed),
]


@pytest.mark.parametrize(("fail", "expected"), FAILURES)
def test_a_failure_holds_no_secret_no_token_and_no_row(
    fail: Callable[[Api], None],
    expected: type[EphraimError],
    fresh_api: Api,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(expected) as caught:
        fail(fresh_api)
    said = said_by(caught.value) + caplog.text
    assert expected.__name__ in said
    tokens = [
        client.postgrest.headers["Authorization"].partition(" ")[2]
        for client in fresh_api.clients.values()
    ]
    for kept in (PHONE, "Failing row"):
        assert kept not in said
    for kept in (SECRET, fresh_api.local.anon_key, "eyJ", *tokens):
        assert kept not in said + held_by(caught.value)


def test_supabase_py_alone_would_show_the_row(fresh_api: Api) -> None:
    with fresh_api.as_owner() as owner:
        owner.execute(TELLTALE)
    profiles = fresh_api("worker").table("profiles")
    with pytest.raises(APIError) as caught:
        profiles.update({"phone": PHONE}).eq("id", sub_of("worker")).execute()
    assert f"Failing row contains ({PHONE})" in said_by(caught.value)


def test_a_refused_value_names_the_constraint(fresh_api: Api) -> None:
    with pytest.raises(Rejected) as caught:
        against_a_constraint(fresh_api)
    assert (caught.value.code, caught.value.constraint) == ("23514", "nobody")


def test_success_logs_no_secret_no_number_and_no_token(
    fresh_api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    publish(fresh_api)
    client = Client(fresh_api("admin"))
    client.update_organization_settings(twilio_auth_token=SECRET, twilio_phone_number=PHONE)
    client.update_sms_preferences(phone=PHONE)
    messages = client.list_sms_logs().items
    assert "HTTP Request: PATCH" in caplog.text
    token = fresh_api("admin").postgrest.headers["Authorization"].partition(" ")[2]
    for kept in (SECRET, PHONE, token, "seal:v1", messages[0].message_body, messages[0].to_phone):
        assert kept not in caplog.text


def test_a_project_without_the_migrations_is_told_to_migrate(fresh_api: Api) -> None:
    with fresh_api.as_owner() as owner:
        owner.execute("drop table sms_logs cascade; notify pgrst, 'reload schema'")
    with pytest.raises(EphraimError, match=r"sms_logs is not as expected .*apply supabase/"):
        Client(fresh_api("admin")).list_sms_logs()


def test_a_wrong_url_is_told(fresh_api: Api) -> None:
    headers = {"Authorization": f"Bearer {fresh_api.token('admin')}"}
    options = supabase.ClientOptions(httpx_client=fresh_api.pool, headers=headers)
    url = f"{fresh_api.local.api_url}/elsewhere"
    client = supabase.create_client(url, fresh_api.local.anon_key, options)
    with pytest.raises(UnexpectedAnswer, match=r"HTTP 404: .*check the URL"):
        Client(client).get_profile()
