"""The trusted service that sends, for callers who block: an `AsyncSender` on a loop of its own.

thread --aside.py--> AsyncSender --> Postgres, Twilio
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from itertools import islice
from typing import Self
from uuid import UUID

from ephraim_db.sealing import Keyring
from ephraim_db.sms.aside import Aside
from ephraim_db.sms.flight import Outcome
from ephraim_db.sms.log import Sms
from ephraim_db.sms.reconciling import STALE, Reconciled
from ephraim_db.sms.sender import AsyncSender
from ephraim_db.sms.twilio import Twilio
from ephraim_db.sms_logs import SmsLog


class Sender:
    """Sends SMS for organizations, blocking. Use it in a `with`; threads may share it."""

    def __init__(
        self,
        database_url: str,
        keyring: Keyring,
        *,
        callback_url: str | None = None,
        connections: int = 8,
        twilio: Twilio | None = None,
    ) -> None:
        """Take the sender's own login, the private keys, and where Twilio is to report.

        `callback_url` is the public URL of `status_callbacks`; without one, statuses come by
        `reconcile` only.
        """
        self._aside = Aside()
        self._sender = AsyncSender(
            database_url, keyring, callback_url=callback_url, connections=connections, twilio=twilio
        )

    def __enter__(self) -> Self:
        """Connect to the database."""
        self._aside.start()
        try:
            self._aside.wait(self._sender.__aenter__())
        except BaseException:
            self._aside.stop()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        """Let what is on its way be done, and close every connection."""
        self._aside.finish()
        self._aside.wait(self._sender.__aexit__(*exception))
        self._aside.stop()

    def send_sms(
        self,
        organization_id: UUID,
        to: str,
        body: str,
        *,
        related_shift_id: UUID | None = None,
        related_worker_id: UUID | None = None,
        related_participant_id: UUID | None = None,
        idempotency_key: str | None = None,
    ) -> SmsLog:
        """Send one message and return its row in the log.

        `to` is E.164 and can receive SMS; `body` has at most 1600 characters. The related worker or
        participant is the recipient, whose wish not to be sent SMS is heeded.

        An `idempotency_key` sends one message: asked again, in this process or another, the same
        row comes back, as it is by then. A row that comes back as `unknown` may have been sent:
        do not send it again, `reconcile` finds out.

        Raises `SmsError` where nothing was sent, `InvalidInput`, `SealingError`, `SupabaseError`.
        """
        return self._aside.wait(
            self._sender.send_sms(
                organization_id,
                to,
                body,
                related_shift_id=related_shift_id,
                related_worker_id=related_worker_id,
                related_participant_id=related_participant_id,
                idempotency_key=idempotency_key,
            )
        )

    def send_test_sms(self, organization_id: UUID, to: str, *, requested: UUID) -> SmsLog:
        """Send a test that an admin asked for with `Client.request_credential_test`.

        The stored credential is proved by sending. `TestNotRequested` if `requested` is not such a
        request, or is used, or older than ten minutes; `TwilioRefused` says in plain words what is
        wrong with the credential.
        """
        return self._aside.wait(
            self._sender.send_test_sms(organization_id, to, requested=requested)
        )

    def send_many(
        self,
        messages: Iterable[Sms],
        *,
        concurrency: int = 32,
        on_progress: Callable[[int], None] | None = None,
    ) -> Iterator[Outcome]:
        """Send each message; yield what became of it, in the order in which that is known.

        At most `concurrency` are at Twilio at once, and of `messages` no more than twice as many
        are read ahead. An organization's credential is opened once. `on_progress` hears how many
        are done. Stopping early lets those that were read be sent.
        """
        waiting = iter(messages)
        flight = self._sender._flight(concurrency)
        done = 0
        try:
            while True:
                for sms in islice(waiting, flight.room):
                    self._aside.soon(flight.add, sms)
                landed = self._aside.wait(flight.landed())
                if not landed:
                    return
                for outcome in landed:
                    done += 1
                    if on_progress is not None:
                        on_progress(done)
                    yield outcome
        finally:
            self._aside.wait(flight.finish())

    def reconcile(
        self, organization_id: UUID | None = None, *, stale: timedelta = STALE
    ) -> Reconciled:
        """Ask Twilio what became of messages nobody heard of again; say what was settled.

        `unknown` ones are looked for at once, `pending` ones and those on their way once they are
        `stale`. Without an organization, those of all. Run it every few minutes.
        """
        return self._aside.wait(self._sender.reconcile(organization_id, stale=stale))
