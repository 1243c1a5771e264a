"""Whatever is posted to the callback endpoint is answered, and kept only if it is signed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import psycopg
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from psycopg.rows import dict_row
from starlette.datastructures import ImmutableMultiDict
from starlette.testclient import TestClient
from tests.fuzz.profiles import tried
from tests.sms.conftest import ACACIA, BANKSIA, SID, TOKEN, Owner, store_credential
from twilio.request_validator import RequestValidator

from ephraim_db.postgres import Server, clone_database, drop_database
from ephraim_db.sealing import Keyring, PrivateKey
from ephraim_db.sms import status_callbacks
from ephraim_db.sms.callbacks import CallbackUrl

PUBLIC = "https://sms.example.org/twilio/status"
MESSAGE = UUID("a0000000-0000-4000-8000-000000000505")
OPEN = UUID("a0000000-0000-4000-8000-000000000599")  # a message without a SID, still pending
FIELDS = [
    "MessageSid",
    "SmsSid",
    "MessageStatus",
    "SmsStatus",
    "AccountSid",
    "ErrorCode",
    "To",
    "x",
]

ids = st.sampled_from([str(ACACIA), str(BANKSIA), str(MESSAGE), str(OPEN), "0", "", "\0", "ü"])
values = (
    st.sampled_from(
        [SID, "SM" + "7" * 32, "SM" + "g" * 32, "delivered", "read", "undelivered", "30003"]
    )
    | st.sampled_from(
        ["21610", "-1", "99999999999", "٣", "²", "\0", "\ufffe", "a" * 70, " ", "'; --"]
    )
    | st.text(max_size=20)
)
fields = st.lists(st.tuples(st.sampled_from(FIELDS), values), max_size=12)
queries = st.lists(st.tuples(st.sampled_from(["organization", "message", "x"]), ids), max_size=4)
headers = st.sampled_from(["", "x", "=" * 28, "\xff", "a" * 5000])


@pytest.fixture(scope="module")
def database(server: Server, project_template: str) -> Iterator[str]:
    clone_database(server, project_template, "fuzzed_callbacks")
    yield "fuzzed_callbacks"
    drop_database(server, "fuzzed_callbacks")


@pytest.fixture(scope="module")
def owner(server: Server, database: str) -> Iterator[psycopg.Connection[dict[str, Any]]]:
    url = server.url(database)
    with psycopg.connect(url, autocommit=True, row_factory=dict_row) as connection:
        yield connection


@pytest.fixture(scope="module")
def endpoint(
    server: Server, database: str, owner: psycopg.Connection[dict[str, Any]]
) -> Iterator[TestClient]:
    """The endpoint, as an admin left it who knows the token that reports are signed with."""
    key = PrivateKey.generate()
    owner.execute(
        "insert into sealing_keys (kid, x, status) values (%s, %s, 'active')",
        [key.public().kid, key.public().x],
    )
    store_credential(Owner(server.url(database)), key, TOKEN)
    app = status_callbacks(server.url(database), Keyring([key]), callback_url=PUBLIC)
    with TestClient(app, base_url="http://10.0.0.7:8000") as client:
        yield client


def rows(owner: psycopg.Connection[dict[str, Any]]) -> list[dict[str, Any]]:
    return owner.execute(
        "select 'log' as what, to_jsonb(m) as row from sms_logs as m union all "
        "select 'event', to_jsonb(e) from sms_log_events as e order by 1, 2"
    ).fetchall()


@tried(30, long=300)
@given(queries, fields, headers, st.binary(max_size=40))
def test_what_is_not_signed_is_refused_and_leaves_nothing(
    endpoint: TestClient,
    owner: psycopg.Connection[dict[str, Any]],
    query: list[tuple[str, str]],
    form: list[tuple[str, str]],
    signature: str,
    junk: bytes,
) -> None:
    before = rows(owner)
    answer = endpoint.post(
        f"/any?{urlencode(query)}",
        content=urlencode(form).encode() + junk,
        headers={b"X-Twilio-Signature": signature.encode("latin-1")},
    )
    assert (answer.status_code, answer.content) == (403, b"")
    assert rows(owner) == before


@tried(30, long=300)
@example(MESSAGE, [("MessageSid", "\0")])
@example(OPEN, [("MessageSid", "SM" + "g" * 32)])
@given(st.sampled_from([MESSAGE, OPEN, BANKSIA]), fields)
def test_what_is_signed_is_kept_or_refused_and_never_fails(
    endpoint: TestClient,
    owner: psycopg.Connection[dict[str, Any]],
    message: UUID,
    form: list[tuple[str, str]],
) -> None:
    owner.execute(
        "insert into sms_logs (id, organization_id, to_phone, message_body) "
        "values (%s, %s, '+61491570006', 'hello') on conflict do nothing",
        [OPEN, ACACIA],
    )
    url = CallbackUrl(PUBLIC).of(ACACIA, message)
    whole = [("AccountSid", SID), ("MessageSid", "SM" + "7" * 32), ("MessageStatus", "sent"), *form]
    signature = RequestValidator(TOKEN).compute_signature(url, ImmutableMultiDict(whole))
    before = {row["row"]["id"]: row["row"] for row in rows(owner) if row["what"] == "log"}
    answer = endpoint.post(
        f"/any?{url.partition('?')[2]}",
        content=urlencode(whole).encode(),
        headers={"X-Twilio-Signature": signature},
    )
    assert answer.status_code in (204, 403), form
    after = {row["row"]["id"]: row["row"] for row in rows(owner) if row["what"] == "log"}
    assert before.keys() == after.keys()
    for name, row in after.items():
        if row["organization_id"] != str(ACACIA):
            assert row == before[name]
