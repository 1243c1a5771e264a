"""A sender that kills itself with SIGKILL at a chosen step; run by test_reconciling in a process.

python -m tests.sms.dying DATABASE_URL TWILIO_URL STEP  < private key
"""

from __future__ import annotations

import os
import signal
import sys
import threading

from tests.sms.conftest import ACACIA, TO

from ephraim_db.sealing import Keyring, PrivateKey
from ephraim_db.sms import Sender
from ephraim_db.sms.twilio import Twilio


def main(database_url: str, twilio_url: str, last: int) -> None:
    keyring = Keyring([PrivateKey(sys.stdin.readline().strip())])
    performed = 0
    with Sender(database_url, keyring, twilio=Twilio(twilio_url)) as sender:
        database = sender._database
        original = database._perform

        def perform(step: object) -> object:
            nonlocal performed
            if threading.current_thread() is not threading.main_thread():
                return original(step)  # a part of a step of the path
            if performed == last:
                os.kill(os.getpid(), signal.SIGKILL)
            answer = original(step)
            performed += 1
            return answer

        database._perform = perform  # type: ignore[method-assign]
        sender.send_sms(ACACIA, TO, "hello", idempotency_key="shift-1")
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
