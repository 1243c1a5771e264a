"""Twilio's reports are believed when signed, kept always, and never take a message back."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID, uuid4

import httpx
import pytest
from starlette.testclient import TestClient
from tests.sms.conftest import ACACIA, FROM, SID, TO, TOKEN, WORKER, Owner
from tests.waiting import wait_until
from twilio.request_validator import RequestValidator

from ephraim_db.fakes.twilio import Delivery, FakeTwilio
from ephraim_db.sealing import Keyring
from ephraim_db.sms import Sender, status_callbacks
from ephraim_db.sms.callbacks import CallbackUrl
from ephraim_db.sms.twilio import Twilio

PUBLIC = "https://sms.example.org/twilio/status"


@pytest.fixture
def endpoint(sender_url: str, keyring: Keyring, acacia: UUID) -> Iterator[TestClient]:
    app = status_callbacks(sender_url, keyring, callback_url=PUBLIC)
    with TestClient(app, base_url="http://10.0.0.7:8000") as client:
        yield client


@pytest.fixture
def reporting(
    sender_url: str, keyring: Keyring, twilio: FakeTwilio, acacia: UUID
) -> Iterator[Sender]:
    twilio.automatic = False
    with Sender(sender_url, keyring, callback_url=PUBLIC, twilio=Twilio(twilio.url)) as sender:
        yield sender


def report(
    sms_log_id: UUID | None,
    sid: str,
    status: str,
    *,
    public: str = PUBLIC,
    token: str = TOKEN,
    organization: UUID = ACACIA,
    **more: str,
) -> tuple[str, dict[str, str], dict[str, str]]:
    """Return what Twilio would send: the query, the form and the header."""
    url = CallbackUrl(public).of(organization, sms_log_id or uuid4())
    form = {
        "ApiVersion": "2010-04-01",
        "SmsSid": sid,
        "SmsStatus": status,
        "MessageSid": sid,
        "MessageStatus": status,
        "AccountSid": SID,
        "To": TO,
        "From": FROM,
        **more,
    }
    signature = RequestValidator(token).compute_signature(url, form)
    return url.partition("?")[2], form, {"X-Twilio-Signature": signature}


def post(endpoint: TestClient, query: str, form: dict[str, str], headers: dict[str, str]) -> int:
    return endpoint.post(f"/inside?{query}", data=form, headers=headers).status_code


def test_a_message_is_followed_until_it_is_delivered(
    endpoint: TestClient, reporting: Sender, owner: Owner
) -> None:
    log = reporting.send_sms(ACACIA, TO, "hello")
    sid = str(log.twilio_sid)
    assert post(endpoint, *report(log.id, sid, "sent")) == 204
    assert post(endpoint, *report(log.id, sid, "delivered", RawDlrDoneDate="2611240600")) == 204
    [row] = owner.log()
    assert row["status"] == "delivered"
    assert row["sent_at"] <= row["delivered_at"]
    assert [(e["source"], e["status"], e["moved"]) for e in owner.events(log.id)] == [
        ("answer", "queued", True),
        ("callback", "sent", True),
        ("callback", "delivered", True),
    ]


def test_a_report_that_comes_twice_or_late_is_kept_and_moves_nothing(
    endpoint: TestClient, reporting: Sender, owner: Owner
) -> None:
    log = reporting.send_sms(ACACIA, TO, "hello")
    sid = str(log.twilio_sid)
    for status in ("delivered", "delivered", "sent", "queued", "undelivered"):
        assert post(endpoint, *report(log.id, sid, status)) == 204
    assert owner.log()[0]["status"] == "delivered"
    assert [e["moved"] for e in owner.events(log.id)] == [True, True] + [False] * 4


def test_a_report_that_outruns_the_answer_finds_its_row(
    endpoint: TestClient, sender_url: str, owner: Owner
) -> None:
    [row] = owner.rows(
        "insert into public.sms_logs (organization_id, to_phone, message_body) "
        "values (%(o)s, %(to)s, 'hello') returning id",
        o=ACACIA,
        to=TO,
    )
    sid = "SM" + "7" * 32
    assert post(endpoint, *report(row["id"], sid, "sent")) == 204
    [row] = owner.log()
    assert (row["twilio_sid"], row["status"]) == (sid, "sent")


def test_a_report_of_a_message_nobody_knows_is_accepted_and_recorded(
    endpoint: TestClient, owner: Owner
) -> None:
    assert post(endpoint, *report(None, "SM" + "8" * 32, "delivered")) == 204
    [event] = owner.rows("select * from public.sms_log_events where twilio_sid like 'SM888%%'")
    assert (event["sms_log_id"], event["organization_id"], event["moved"]) == (None, ACACIA, False)


def test_a_status_newer_than_this_code_is_kept(
    endpoint: TestClient, reporting: Sender, owner: Owner
) -> None:
    log = reporting.send_sms(ACACIA, TO, "hello")
    assert post(endpoint, *report(log.id, str(log.twilio_sid), "teleported")) == 204
    assert owner.log()[0]["status"] == "queued"
    assert owner.events(log.id)[-1]["status"] == "teleported"


@pytest.mark.parametrize("code", [30003, 30006, 30034, 39999])
def test_an_error_lands_in_the_log_in_words(
    endpoint: TestClient, reporting: Sender, owner: Owner, code: int
) -> None:
    log = reporting.send_sms(ACACIA, TO, "hello")
    form = report(log.id, str(log.twilio_sid), "undelivered", ErrorCode=str(code))
    assert post(endpoint, *form) == 204
    [row] = owner.log()
    assert (row["status"], row["error_code"]) == ("undelivered", code)
    assert row["error_message"]
    assert row["failed_at"]


def test_stop_in_a_report_switches_sms_off(
    endpoint: TestClient, reporting: Sender, owner: Owner
) -> None:
    owner.rows(
        "update public.profiles set phone = %(to)s "
        "where id in (select profile_id from public.workers where id = %(id)s)",
        to=TO,
        id=WORKER,
    )
    log = reporting.send_sms(ACACIA, TO, "hello", related_worker_id=WORKER)
    off = "select phone from public.profiles where not sms_notifications_enabled"
    before = owner.rows(off)
    form = report(log.id, str(log.twilio_sid), "failed", ErrorCode="21610")
    assert post(endpoint, *form) == 204
    assert [one for one in owner.rows(off) if one not in before] == [{"phone": TO}]
    assert owner.events(log.id)[-1]["note"].startswith("Replied STOP: SMS switched off for 1")


# what is not believed -----------------------------------------------------------------------------


def test_no_signature_is_403(endpoint: TestClient) -> None:
    query, form, _ = report(None, "SM" + "8" * 32, "delivered")
    assert post(endpoint, query, form, {}) == 403
    assert post(endpoint, query, form, {"X-Twilio-Signature": ""}) == 403


@pytest.mark.parametrize(
    "change",
    [
        {"token": "another token"},
        {"public": "https://elsewhere.example.org/twilio/status"},
        {"organization": UUID("b0000000-0000-4000-8000-000000000001")},
        {"organization": uuid4()},
    ],
)
def test_a_wrong_signature_is_403_and_leaves_nothing(
    endpoint: TestClient, owner: Owner, change: dict[str, object]
) -> None:
    before = owner.rows("select count(*) from public.sms_log_events")
    query, form, headers = report(None, "SM" + "8" * 32, "sent", **change)  # type: ignore[arg-type]
    assert post(endpoint, query, form, headers) == 403
    assert owner.rows("select count(*) from public.sms_log_events") == before


def test_nothing_signed_can_be_changed_on_the_way(endpoint: TestClient, reporting: Sender) -> None:
    log = reporting.send_sms(ACACIA, TO, "hello")
    query, form, headers = report(log.id, str(log.twilio_sid), "sent")
    assert post(endpoint, query, {**form, "MessageStatus": "delivered"}, headers) == 403
    assert post(endpoint, query, {**form, "Added": ""}, headers) == 403
    assert post(endpoint, query.replace(str(log.id), str(uuid4())), form, headers) == 403
    assert post(endpoint, "", form, headers) == 403
    assert post(endpoint, query, form, headers) == 204


def test_another_account_cannot_report(endpoint: TestClient) -> None:
    query, form, _ = report(None, "SM" + "8" * 32, "sent")
    form["AccountSid"] = "AC" + "1" * 32
    signature = RequestValidator(TOKEN).compute_signature(f"{PUBLIC}?{query}", form)
    assert post(endpoint, query, form, {"X-Twilio-Signature": signature}) == 403


def test_blank_parameters_count(endpoint: TestClient, reporting: Sender) -> None:
    log = reporting.send_sms(ACACIA, TO, "hello")
    query, form, headers = report(log.id, str(log.twilio_sid), "sent", ToCity="", FromZip="")
    assert post(endpoint, query, form, headers) == 204
    del form["ToCity"]
    assert post(endpoint, query, form, headers) == 403


@pytest.mark.parametrize(
    "public",
    [
        "https://sms.example.org:8443/status",
        "https://sms.example.org/status?key=a%20b&empty=",
        "http://127.0.0.1:9000/",
        "https://sms.example.org",
    ],
)
def test_the_configured_url_is_what_counts_behind_any_proxy(
    sender_url: str, keyring: Keyring, acacia: UUID, public: str
) -> None:
    app = status_callbacks(sender_url, keyring, callback_url=public)
    with TestClient(app, base_url="http://10.0.0.7:8000") as endpoint:
        assert post(endpoint, *report(None, "SM" + "8" * 32, "sent", public=public)) == 204


def test_a_body_too_large_is_refused_before_it_is_read_whole(endpoint: TestClient) -> None:
    query, _, headers = report(None, "SM" + "8" * 32, "sent")
    answer = endpoint.post(f"/?{query}", content=b"a=" + b"b" * 20_000, headers=headers)
    assert answer.status_code == 413


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"&".join([b"a=b"] * 200), b"{}"])
def test_a_body_that_is_no_report_is_403(endpoint: TestClient, body: bytes) -> None:
    query, _, headers = report(None, "SM" + "8" * 32, "sent")
    assert endpoint.post(f"/?{query}", content=body, headers=headers).status_code == 403


MANY = "&".join(f"a{n}=1" for n in range(30))


@pytest.mark.parametrize(
    "query", ["", "organization=x", "organization=", "message=1", "%ff=%ff", MANY]
)
def test_a_query_that_names_nothing_is_403(endpoint: TestClient, query: str) -> None:
    _, form, headers = report(None, "SM" + "8" * 32, "sent")
    assert post(endpoint, query, form, headers) == 403


def test_only_post_is_answered(endpoint: TestClient) -> None:
    assert endpoint.get("/").status_code == 405


# over the network, with everything that goes wrong there -----------------------------------------


def test_reports_that_are_doubled_shuffled_and_late_end_in_the_same_log(
    sender_url: str, keyring: Keyring, acacia: UUID, owner: Owner, served: str
) -> None:
    delivery = Delivery(copies=2, shuffled=True, seconds_late=0.05)
    with FakeTwilio(delivery=delivery) as twilio:
        account = twilio.open_account(SID, TOKEN, FROM)
        account.undeliverable = {"+61491571804": 30003}
        with Sender(sender_url, keyring, callback_url=served, twilio=Twilio(twilio.url)) as sender:
            for n in range(10):
                sender.send_sms(ACACIA, TO, f"number {n}")
            sender.send_sms(ACACIA, "+61491571804", "out of reach")
        twilio.callbacks.drain()
        assert {status for _, status in twilio.callbacks.answers} == {204}
        assert len(twilio.callbacks.answers) == 44
    assert [row["status"] for row in owner.log()] == ["delivered"] * 10 + ["undelivered"]
    assert owner.log()[-1]["error_code"] == 30003


@pytest.fixture
def served(sender_url: str, keyring: Keyring, acacia: UUID) -> Iterator[str]:
    """The URL of the endpoint, served by uvicorn on a free port of loopback."""
    import socket
    import threading

    import uvicorn

    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/status"
        app = status_callbacks(sender_url, keyring, callback_url=url)
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        wait_until(lambda: server.started)
        yield url
        server.should_exit = True
        thread.join()


def test_a_database_out_of_reach_is_503(
    endpoint: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ephraim_db.errors import ConnectionFailed

    def away(*_: object) -> None:
        raise ConnectionFailed

    monkeypatch.setattr("ephraim_db.sms.delivery.load_account", away)
    assert post(endpoint, *report(None, "SM" + "8" * 32, "sent")) == 503


def test_the_url_twilio_would_refuse_is_refused_first() -> None:
    from ephraim_db.errors import InvalidInput

    for url in (
        "ftp://a.example",
        "https://under_score.example/",
        "https://user:pass@a.example/",
        "https://a.example/#part",
        "https://a.example:port/",
        "nothing",
        "",
    ):
        with pytest.raises(InvalidInput, match="callback_url"):
            CallbackUrl(url)


def test_httpx_is_not_heard(
    reporting: Sender, caplog: pytest.LogCaptureFixture, twilio: FakeTwilio
) -> None:
    caplog.set_level("DEBUG")
    reporting.send_sms(ACACIA, TO, "a private matter")
    reporting.reconcile(ACACIA)
    for private in (TO, TO[1:], "private matter", TOKEN, httpx.BasicAuth(SID, TOKEN)._auth_header):
        assert private not in caplog.text
