"""The trusted service that sends, awaited; blocking.py is the same for those who block.

method --> steps --run.py--> Postgres (database.py), Twilio (twilio.py), a pause
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from datetime import timedelta
from functools import partial
from itertools import islice
from typing import Self
from uuid import UUID

from ephraim_db.database import AsyncDatabase
from ephraim_db.run import run_async
from ephraim_db.sealing import Keyring
from ephraim_db.sms import sending
from ephraim_db.sms.batching import Batches, RowCall
from ephraim_db.sms.callbacks import CallbackUrl
from ephraim_db.sms.credential import Account, load_account
from ephraim_db.sms.flight import Flight, Outcome
from ephraim_db.sms.log import Sms
from ephraim_db.sms.reconciling import STALE, Reconciled, reconcile
from ephraim_db.sms.twilio import Call, CreateMessage, Twilio
from ephraim_db.sms_logs import SmsLog
from ephraim_db.steps import Pause


class AsyncSender:
    """Sends SMS for organizations, awaiting. Use it in an `async with`, on one event loop."""

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
        self._keyring = keyring
        self._callback = CallbackUrl(callback_url) if callback_url is not None else None
        self._twilio = twilio or Twilio()
        self._database = AsyncDatabase(database_url, connections=connections, perform=self._perform)
        self._batches = Batches(self._database.run)

    async def __aenter__(self) -> Self:
        """Connect to the database."""
        await self._database.__aenter__()
        return self

    async def __aexit__(self, *exception: object) -> None:
        """Close every connection."""
        await self._database.__aexit__(*exception)
        await self._twilio.close()

    async def send_sms(
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
        sms = Sms(
            organization_id,
            to,
            body,
            related_shift_id,
            related_worker_id,
            related_participant_id,
            idempotency_key,
        )
        return await self._database.run(sending.send_sms(sms, self._keyring, self._callback))

    async def send_test_sms(self, organization_id: UUID, to: str, *, requested: UUID) -> SmsLog:
        """Send a test that an admin asked for with `Client.request_credential_test`.

        The stored credential is proved by sending. `TestNotRequested` if `requested` is not such a
        request, or is used, or older than ten minutes; `TwilioRefused` says in plain words what is
        wrong with the credential.
        """
        return await self._database.run(
            sending.send_test_sms(organization_id, to, requested, self._keyring, self._callback)
        )

    async def send_many(
        self,
        messages: Iterable[Sms],
        *,
        concurrency: int = 32,
        on_progress: Callable[[int], None] | None = None,
    ) -> AsyncIterator[Outcome]:
        """Send each message; yield what became of it, in the order in which that is known.

        At most `concurrency` are at Twilio at once, and of `messages` no more than twice as many
        are read ahead. An organization's credential is opened once. `on_progress` hears how many
        are done. Stopping early lets those that were read be sent.
        """
        waiting = iter(messages)
        flight = self._flight(concurrency)
        done = 0
        try:
            while True:
                for sms in islice(waiting, flight.room):
                    flight.add(sms)
                landed = await flight.landed()
                if not landed:
                    return
                for outcome in landed:
                    done += 1
                    if on_progress is not None:
                        on_progress(done)
                    yield outcome
        finally:
            await flight.finish()

    async def reconcile(
        self, organization_id: UUID | None = None, *, stale: timedelta = STALE
    ) -> Reconciled:
        """Ask Twilio what became of messages nobody heard of again; say what was settled.

        `unknown` ones are looked for at once, `pending` ones and those on their way once they are
        `stale`. Without an organization, those of all. Run it every few minutes.
        """
        return await self._database.run(reconcile(self._keyring, organization_id, stale))

    def _flight(self, concurrency: int) -> Flight:
        return Flight(self._open_account, self._send, concurrency)

    async def _open_account(self, organization_id: UUID) -> Account:
        return await self._database.run(load_account(organization_id, self._keyring))

    async def _send(self, account: Account, sms: Sms, turns: asyncio.Semaphore) -> SmsLog:
        steps = sending.send_from(account, sms, self._callback)
        return await run_async(steps, partial(self._perform_in_turn, turns))

    async def _perform_in_turn(self, turns: asyncio.Semaphore, step: object) -> object:
        if not isinstance(step, CreateMessage):
            return await self._database.perform(step)
        async with turns:
            return await self._twilio.perform(step)

    async def _perform(self, step: RowCall | Call | Pause) -> object:
        if isinstance(step, RowCall):
            return await self._batches.perform(step)
        if not isinstance(step, Pause):
            return await self._twilio.perform(step)
        await asyncio.sleep(step.seconds)
        return None
