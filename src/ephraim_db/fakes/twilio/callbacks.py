"""Status callbacks, signed with the account's token as Twilio signs them, on a thread of their own.

report() --in order, or not; once, or twice; now, or later; or never--> POST <StatusCallback>
"""

from __future__ import annotations

import queue
import random
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from urllib.parse import urlencode

from twilio.request_validator import RequestValidator

from ephraim_db.fakes.twilio.state import VERSION, Account, Message

_ATTEMPT_SECONDS = 15  # as long as Twilio waits for an endpoint


@dataclass
class Delivery:
    """How reports travel: each `copies` times, shuffled among those that wait, late, or lost."""

    copies: int = 1
    shuffled: bool = False
    seconds_late: float = 0.0
    lost: float = 0.0  # the share that never leaves


@dataclass(frozen=True, slots=True)
class Report:
    """One request to the endpoint."""

    url: str
    form: dict[str, str]
    signature: str


class Callbacks:
    """Sends reports until it is closed."""

    def __init__(self, delivery: Delivery) -> None:
        """Start the thread."""
        self.delivery = delivery
        self.answers: list[tuple[Report, int]] = []
        self._waiting: queue.Queue[Report | None] = queue.Queue()
        self._random = random.Random(2010)  # noqa: S311 - the same each time
        self._thread = threading.Thread(target=self._work, name="twilio-callbacks", daemon=True)
        self._thread.start()

    def report(self, account: Account, message: Message) -> None:
        """Queue what Twilio would report of the message as it is now."""
        if message.status_callback is None or self._random.random() < self.delivery.lost:
            return
        report = _report(account, message)
        for _ in range(self.delivery.copies):
            self._waiting.put(report)

    def drain(self) -> None:
        """Return once everything queued so far has been sent."""
        self._waiting.join()

    def close(self) -> None:
        """Stop."""
        self._waiting.put(None)
        self._thread.join()

    def _work(self) -> None:
        batch: list[Report | None] = []
        while True:
            batch.append(self._waiting.get())
            if self.delivery.seconds_late:
                time.sleep(self.delivery.seconds_late)
            while not self._waiting.empty():
                batch.append(self._waiting.get())
            if self.delivery.shuffled:
                self._random.shuffle(batch)
            stop = None in batch
            for report in batch:
                if report is not None:
                    self.answers.append((report, _post(report)))
                self._waiting.task_done()
            batch = []
            if stop:
                return


def _report(account: Account, message: Message) -> Report:
    form = {
        "ApiVersion": VERSION,
        "SmsSid": message.sid,
        "SmsStatus": message.status,
        "MessageSid": message.sid,
        "MessageStatus": message.status,
        "AccountSid": account.sid,
        "To": message.to,
        "From": message.from_,
    }
    if message.error_code is not None:
        form["ErrorCode"] = str(message.error_code)
    if message.status in {"delivered", "undelivered"}:
        form["RawDlrDoneDate"] = message.updated_at.strftime("%y%m%d%H%M")
    url = message.status_callback or ""
    signature = RequestValidator(account.auth_token).compute_signature(url, form)
    return Report(url, form, signature)


def _post(report: Report) -> int:
    request = urllib.request.Request(  # noqa: S310 - the rules took http and https only
        report.url,
        data=urlencode(report.form).encode(),
        headers={
            "Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
            "X-Twilio-Signature": report.signature,
            "User-Agent": "TwilioProxy/1.1",
        },
    )
    try:
        with urllib.request.urlopen(request, timeout=_ATTEMPT_SECONDS) as answer:  # noqa: S310 - as above
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code
    except OSError:
        return 0
