"""Many messages on their way at once: so many at Twilio, as many before it and as many after.

read --> pending rows --in turn--> Twilio --> rows moved forward --> landed
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

from ephraim_db.errors import EphraimError
from ephraim_db.sms.credential import Account
from ephraim_db.sms.log import Sms
from ephraim_db.sms_logs import SmsLog


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one message of many: its row in the log, or the error that kept it."""

    sms: Sms
    log: SmsLog | None = None
    error: EphraimError | None = None


class Flight:
    """The messages of one `send_many`, on one event loop.

    While `concurrency` of them are at Twilio, as many on either side of it wait for the database,
    so that much is written together, and Twilio never waits for it.
    """

    def __init__(
        self,
        open_account: Callable[[UUID], Awaitable[Account]],
        send: Callable[[Account, Sms, asyncio.Semaphore], Awaitable[SmsLog]],
        concurrency: int,
    ) -> None:
        """Take what opens an organization's credential, and what sends from it in turn."""
        self._open_account = open_account
        self._send = send
        self._most = 3 * concurrency
        self._turns = asyncio.Semaphore(concurrency)
        self._accounts: dict[UUID, asyncio.Future[Account]] = {}
        self._flying: set[asyncio.Task[Outcome]] = set()
        self._landed: asyncio.Queue[asyncio.Task[Outcome]] = asyncio.Queue()

    @property
    def room(self) -> int:
        """How many messages may be added."""
        return self._most - len(self._flying)

    def add(self, sms: Sms) -> None:
        """Send a message."""
        task = asyncio.create_task(self._fly(sms))
        self._flying.add(task)
        task.add_done_callback(self._landed.put_nowait)

    async def landed(self) -> list[Outcome]:
        """Return those done since the last time, at least one; none if there are no more."""
        if not self._flying:
            return []
        tasks = [await self._landed.get()]
        while not self._landed.empty():
            tasks.append(self._landed.get_nowait())
        self._flying.difference_update(tasks)
        return [task.result() for task in tasks]

    async def finish(self) -> None:
        """Let all that were added be done."""
        await asyncio.gather(*self._flying, return_exceptions=True)

    async def _fly(self, sms: Sms) -> Outcome:
        account = self._accounts.get(sms.organization_id)
        if account is None:
            account = asyncio.ensure_future(self._open_account(sms.organization_id))
            self._accounts[sms.organization_id] = account
        try:
            return Outcome(sms, log=await self._send(await account, sms, self._turns))
        except EphraimError as error:
            return Outcome(sms, error=error)
