"""A database from which Acacia sends SMS, a fake Twilio, and what must be true of the two."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import timedelta

from tests.faults.conftest import Clones
from tests.faults.sweeping import Arguments, Scene
from tests.sms.conftest import ACACIA, FROM, SID, TO, TOKEN, Owner, store_credential

from ephraim_db.fakes.twilio import FakeTwilio
from ephraim_db.fakes.twilio.state import Message
from ephraim_db.postgres import Server
from ephraim_db.project import Database
from ephraim_db.sealing import Keyring, PrivateKey
from ephraim_db.sms import Reconciled, Sender
from ephraim_db.sms.twilio import Twilio

NOW = timedelta(0)
Events = list[dict[str, object]]

# What becomes of the messages that `lose` leaves.
SETTLED = {
    "number 0": "failed",
    "number 1": "delivered",
    "number 2": "delivered",
    "number 3": "delivered",
}


@dataclass(frozen=True, slots=True)
class Texting(Scene):
    """The scene, with the fake and what opens the credential."""

    twilio: FakeTwilio
    key: PrivateKey

    @property
    def owner(self) -> Owner:
        """The database as its superuser."""
        return Owner(self.superuser)

    @property
    def messages(self) -> list[Message]:
        """What Twilio took."""
        return self.twilio.messages

    def events(self) -> Events:
        """What was heard of messages, in order."""
        return self.owner.rows("select * from public.sms_log_events order by id")

    def reconcile(self) -> Reconciled:
        """Settle what is open, as whoever runs it every few minutes."""
        self.wait_until_delivered()
        with Sender(self.login, Keyring([self.key]), twilio=Twilio(self.twilio.url)) as sender:
            return sender.reconcile(stale=NOW)

    def wait_until_delivered(self) -> None:
        """Wait until Twilio has done what it does by itself."""
        while any(message.status in {"queued", "sent"} for message in self.messages):
            time.sleep(0.002)


Scenes = Callable[[], AbstractContextManager[Texting]]


@contextmanager
def texting(
    database: Database, login: str, arguments: Arguments, key: PrivateKey
) -> Iterator[Texting]:
    """Yield the scene; `database` has Acacia's credential, sealed to `key`."""
    with FakeTwilio() as twilio:
        twilio.open_account(SID, TOKEN, FROM)
        yield Texting(database, login, arguments, twilio.url, twilio, key)
        assert twilio.violations == []


def sending(clones: Clones, server: Server, login: str, bodies: list[str]) -> Scenes:
    """Return what makes a scene for a story that sends `bodies`."""

    @contextmanager
    def scene() -> Iterator[Texting]:
        key = PrivateKey.generate()
        with clones() as database:
            prepare(Owner(server.url(database.name)), key)
            url = server.url(database.name, login)
            with texting(database, url, lambda url, http: (url, http, key.d, bodies), key) as made:
                yield made

    return scene


def open_messages(clones: Clones, server: Server, login: str, stale: timedelta = NOW) -> Scenes:
    """Return what makes a scene for reconciling: one message Twilio never took, three it did."""

    @contextmanager
    def scene() -> Iterator[Texting]:
        key = PrivateKey.generate()
        with clones() as database:
            owner = Owner(server.url(database.name))
            prepare(owner, key)
            taken = lose(owner)
            url = server.url(database.name, login)
            with texting(database, url, lambda url, http: (url, http, key.d, stale), key) as made:
                made.messages.extend(taken)
                yield made

    return scene


def prepare(owner: Owner, key: PrivateKey) -> None:
    """Publish the key and store Acacia's credential."""
    owner.rows(
        "insert into public.sealing_keys (kid, x, status, activated_at) "
        "values (%(kid)s, %(x)s, 'active', now())",
        kid=key.public().kid,
        x=key.public().x,
    )
    store_credential(owner, key, TOKEN)


def lose(owner: Owner) -> list[Message]:
    """Leave a log that needs reconciling, and return what Twilio has of it."""
    states: list[tuple[str, str | None, bool]] = [
        ("pending", None, False),
        ("pending", None, True),
        ("unknown", None, True),
        ("queued", "SM" + "1" * 32, True),
    ]
    taken = []
    for number, (status, sid, at_twilio) in enumerate(states):
        body = f"number {number}"
        [row] = owner.rows(
            "insert into public.sms_logs (organization_id, to_phone, message_body, status, "
            "twilio_sid) values (%(o)s, %(to)s, %(body)s, %(status)s::sms_status, %(sid)s) "
            "returning id",
            o=ACACIA,
            to=TO,
            body=body,
            status=status,
            sid=sid,
        )
        if sid:
            owner.rows(
                "insert into public.sms_log_events (organization_id, sms_log_id, twilio_sid, "
                "source, status, moved) "
                "values (%(o)s, %(id)s, %(sid)s, 'answer', %(status)s, true)",
                o=ACACIA,
                id=row["id"],
                sid=sid,
                status=status,
            )
        if at_twilio:
            message = Message(SID, TO, FROM, body, None, status="delivered")
            message.sid = sid or message.sid
            taken.append(message)
    return taken


def assert_honest(scene: Texting, bodies: list[str]) -> None:
    """Nothing was sent twice, nothing is lost, and each row says what happened."""
    rows = {row["message_body"]: row for row in scene.owner.log()}
    assert len(rows) == len(scene.owner.log())
    assert sorted(rows) == sorted(bodies)
    sent = Counter(message.body for message in scene.messages)
    assert set(sent.values()) <= {1}, "sent twice"
    sids = {message.body: message.sid for message in scene.messages}
    for body, row in rows.items():
        if body in sids:
            assert (row["status"], row["twilio_sid"]) == ("delivered", sids[body])
        else:
            assert (row["status"], row["twilio_sid"]) == ("failed", None)
            assert row["error_message"]


def assert_only_added(before: Events, after: Events) -> None:
    """What was written down stays as it was."""
    kept: dict[object, dict[str, object]] = {event["id"]: event for event in after}
    assert [kept.get(event["id"]) for event in before] == before


def heard(scene: Texting) -> dict[str, int]:
    """How often something was heard of each message, by its text."""
    return {row["message_body"]: len(scene.owner.events(row["id"])) for row in scene.owner.log()}
