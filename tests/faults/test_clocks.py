"""The clock of a process leaps by a day, ahead or back, while it works: the database's counts."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx
import pytest
import time_machine
from starlette.testclient import TestClient
from tests.faults import stories
from tests.faults.boundaries import Fault
from tests.faults.conftest import Clones
from tests.faults.connected import connected
from tests.faults.sweeping import sweep
from tests.faults.texting import SETTLED, assert_honest, open_messages, sending
from tests.sms.conftest import ACACIA, TO
from tests.sms.test_delivery import PUBLIC, post, report
from tests.web.conftest import SessionOf, http, origin, page, session_of  # noqa: F401 - fixtures

from ephraim_db.postgres import Server
from ephraim_db.sealing import Keyring
from ephraim_db.sms import status_callbacks
from ephraim_db.web.forgery import check_form_token, make_form_token
from ephraim_db.web.refusals import ForgedForm

DAY = timedelta(days=1)
TWO = ["one", "two"]
by_a_day = pytest.mark.parametrize("by", [DAY, -DAY], ids=["ahead", "back"])


def clock(by: timedelta) -> time_machine.travel:
    return time_machine.travel(datetime.now(UTC) + by, tick=True)


@by_a_day
def test_a_token_is_refreshed_once_and_works(
    by: timedelta, clones: Clones, server: Server, sender_login: str
) -> None:
    scenes = connected(clones, server, sender_login)
    for leapt, _, ending in sweep(stories.refresh, scenes, Fault.LEAP, sample=2, by=by):
        assert not ending.refusal, ending.refusal
        assert not leapt.fake.ledger.bearer(str(ending.result)).revoked
        assert (leapt.fake.calls["token"], leapt.state()) == (2, ("connected", 2))


@by_a_day
def test_a_key_sends_one_message(
    by: timedelta, clones: Clones, server: Server, sender_login: str
) -> None:
    scenes = sending(clones, server, sender_login, [*TWO, *TWO])
    for leapt, _, ending in sweep(stories.send, scenes, Fault.LEAP, sample=2, by=by):
        assert not ending.refusal, ending.refusal
        leapt.reconcile()
        assert_honest(leapt, TWO)


@by_a_day
def test_a_message_on_its_way_is_not_given_up_and_a_lost_one_is(
    by: timedelta, clones: Clones, server: Server, sender_login: str
) -> None:
    scenes = open_messages(clones, server, sender_login, stale=timedelta(hours=1))
    for leapt, _, ending in sweep(stories.reconcile, scenes, Fault.LEAP, sample=2, by=by):
        assert not ending.refusal, ending.refusal
        found = {row["message_body"]: row["status"] for row in leapt.owner.log()}
        assert found["number 0"] == found["number 1"] == "pending"  # an hour is not over
        leapt.reconcile()
        assert {row["message_body"]: row["status"] for row in leapt.owner.log()} == SETTLED


@by_a_day
def test_a_report_is_believed_when_it_is_signed_and_counts_once(
    by: timedelta, clones: Clones, server: Server, sender_login: str
) -> None:
    with sending(clones, server, sender_login, TWO)() as scene:
        keyring = Keyring([scene.key])
        sid = "SM" + "7" * 32
        [row] = scene.owner.rows(
            "insert into public.sms_logs (organization_id, to_phone, message_body, twilio_sid, "
            "status) values (%(o)s, %(to)s, 'hello', %(sid)s, 'sent') returning id",
            o=ACACIA,
            to=TO,
            sid=sid,
        )
        signed = report(UUID(str(row["id"])), sid, "delivered")
        forged = report(UUID(str(row["id"])), sid, "failed", token="another")
        app = status_callbacks(scene.login, keyring, callback_url=PUBLIC)
        with TestClient(app) as endpoint, clock(by):
            assert [post(endpoint, *each) for each in (signed, forged, signed)] == [204, 403, 204]
        assert scene.owner.log(twilio_sid=sid)[0]["status"] == "delivered"
        assert [event["moved"] for event in scene.events()][-2:] == [True, False]


def test_a_session_ends_by_the_clock_here_and_a_clock_behind_is_told_of(
    http: httpx.Client,  # noqa: F811 - the fixture
    session_of: SessionOf,  # noqa: F811 - the fixture
    caplog: pytest.LogCaptureFixture,
) -> None:
    session = session_of("admin")

    def visit() -> tuple[int, bool]:
        answer = http.get("/settings/integrations", headers=session)
        return answer.status_code, "Your session has ended" in answer.text

    with clock(DAY):
        assert visit() == (401, True)
    with clock(-DAY):
        assert visit() == (401, False)
    told = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert told == ["a session was issued in the future: is the clock of this machine behind?"]
    assert visit() == (200, False)


def test_a_form_may_be_sent_for_a_day_by_the_clock_here_and_only_by_its_user() -> None:
    key, user, other = b"k" * 32, UUID(int=1), UUID(int=2)
    form = make_form_token(user, key)
    for by in (-DAY, timedelta(0), DAY - timedelta(minutes=1)):
        with clock(by):
            check_form_token(form, user, key)
            with pytest.raises(ForgedForm):
                check_form_token(form, other, key)
    with clock(DAY + timedelta(minutes=1)), pytest.raises(ForgedForm):
        check_form_token(form, user, key)
