"""A sender that kills itself with SIGKILL at a chosen step; run by test_reconciling in a process.

python -m tests.sms.dying DATABASE_URL TWILIO_URL STEP  < private key
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys

from tests.sms.conftest import ACACIA, TO

from ephraim_db.sealing import Keyring, PrivateKey
from ephraim_db.sms import Sender
from ephraim_db.sms.batching import WORKER
from ephraim_db.sms.twilio import Twilio


def main(database_url: str, twilio_url: str, last: int) -> None:
    keyring = Keyring([PrivateKey(sys.stdin.readline().strip())])
    performed = 0
    with Sender(database_url, keyring, twilio=Twilio(twilio_url)) as sender:
        database = sender._sender._database
        original = database.perform

        async def perform(step: object) -> object:
            nonlocal performed
            task = asyncio.current_task()
            if task is not None and task.get_name() == WORKER:
                return await original(step)  # a part of a step of the path
            if performed == last:
                os.kill(os.getpid(), signal.SIGKILL)
            answer = await original(step)
            performed += 1
            return answer

        database.perform = perform  # type: ignore[method-assign]
        sender.send_sms(ACACIA, TO, "hello", idempotency_key="shift-1")
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
