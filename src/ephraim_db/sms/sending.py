"""Send one message: checked, written down as pending, handed to Twilio, moved forward.

Sms --checked--> account opened --> pending row --> CreateMessage --> queued | failed | unknown
                                        └ a key that was used: the row of the first time
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import replace
from uuid import UUID

from ephraim_db import inputs
from ephraim_db.credential_tests import key_of_test
from ephraim_db.database import Steps, first_row
from ephraim_db.errors import (
    InvalidInput,
    SmsSwitchedOff,
    TestNotRequested,
    TwilioRefused,
    TwilioUnreachable,
    Unavailable,
)
from ephraim_db.sealing import Keyring
from ephraim_db.sms.callbacks import CallbackUrl
from ephraim_db.sms.credential import Account, load_account
from ephraim_db.sms.log import Sms, advance, moved, write_pending
from ephraim_db.sms.numbers import recipient
from ephraim_db.sms.refusals import in_words
from ephraim_db.sms.twilio import Busy, CreateMessage, Failure, Heard, NoAnswer
from ephraim_db.sms_logs import SmsLog
from ephraim_db.steps import Pause

LONGEST_BODY = 1600  # characters, https://www.twilio.com/docs/api/errors/21617
_LONGEST_KEY = 255
# Seconds, doubled at each try and spread, so that many senders do not come again at once.
_FIRST_PAUSE, _TRIES, _LONGEST_PAUSE = 0.5, 5, 30.0
# Seconds after which a message that was written down is not handed over any more. Well below
# `reconciling.STALE`, so that no row is given up there while somebody here still means to send it.
GIVE_UP = 120.0
_USE_TEST = """
update public.credential_tests as t
set used_at = now()
where
    t.id = %(id)s
    and t.organization_id = %(organization_id)s
    and t.provider = 'twilio'
    and t.used_at is null
    and t.created_at > now() - interval '10 minutes'
returning t.id
"""


def checked(sms: Sms) -> Sms:
    """Return the message with its ids as UUIDs, or raise `InvalidInput`."""
    recipient("to", sms.to)
    if not isinstance(sms.body, str) or not sms.body.strip() or "\x00" in sms.body:
        raise InvalidInput("body", "has no text, or a null character")
    if len(sms.body) > LONGEST_BODY:
        raise InvalidInput("body", f"is longer than {LONGEST_BODY} characters")
    if sms.related_worker_id is not None and sms.related_participant_id is not None:
        raise InvalidInput("related_worker_id", "is given, and a participant: one recipient only")
    key = sms.idempotency_key
    if key is not None and not (key.strip() and key.isprintable() and len(key) <= _LONGEST_KEY):
        raise InvalidInput("idempotency_key", f"is not 1 to {_LONGEST_KEY} printable characters")
    return replace(
        sms,
        organization_id=inputs.uuid("organization_id", sms.organization_id),
        related_shift_id=_optional("related_shift_id", sms.related_shift_id),
        related_worker_id=_optional("related_worker_id", sms.related_worker_id),
        related_participant_id=_optional("related_participant_id", sms.related_participant_id),
    )


def _optional(field: str, value: object) -> UUID | None:
    return None if value is None else inputs.uuid(field, value)


def send_sms(sms: Sms, keyring: Keyring, callback: CallbackUrl | None) -> Steps[SmsLog]:
    """Send a message, at most once; return its row in the log as it is then.

    Raises `SmsError` where it was not sent. A row that comes back as `unknown` may have been.
    """
    sms = checked(sms)
    account = yield from load_account(sms.organization_id, keyring)
    return (yield from send_from(account, sms, callback))


def send_from(account: Account, sms: Sms, callback: CallbackUrl | None) -> Steps[SmsLog]:
    """Send a message as `send_sms` does, from an account that was opened before."""
    sms = checked(sms)
    if not account.sms_enabled:
        raise SmsSwitchedOff
    return (yield from _log_and_send(account, sms, callback))


def send_test_sms(
    organization_id: UUID,
    to: str,
    requested: UUID,
    keyring: Keyring,
    callback: CallbackUrl | None,
) -> Steps[SmsLog]:
    """Send a message that an admin asked for, to see that the credential works.

    `requested` is the row in credential_tests that the admin, and nobody else, could add. It works
    before sms_enabled is set.
    """
    sms = checked(Sms(organization_id, to, "a test"))
    requested = inputs.uuid("requested", requested)
    organization_id = sms.organization_id
    account = yield from load_account(organization_id, keyring)
    used = yield from first_row(_USE_TEST, id=requested, organization_id=organization_id)
    if used is None:
        raise TestNotRequested
    body = f"A test from {account.organization_name[:100]}: SMS is set up and works."
    sms = replace(sms, body=body, idempotency_key=key_of_test(requested))
    return (yield from _log_and_send(account, sms, callback))


def _log_and_send(account: Account, sms: Sms, callback: CallbackUrl | None) -> Steps[SmsLog]:
    deadline = time.monotonic() + GIVE_UP
    log, new = yield from write_pending(sms)
    if not new:
        return log
    url = callback.of(sms.organization_id, log.id) if callback else None
    answer = yield from _hand_over(CreateMessage(account, sms.to, sms.body, url, deadline))
    if isinstance(answer, Heard):
        return (yield from _heard(log, sms, answer.status, sid=answer.sid, code=answer.error_code))
    if isinstance(answer, NoAnswer) and answer.handed_over:
        return (yield from _heard(log, sms, "unknown", message=f"No answer: {answer.why}"))
    if isinstance(answer, NoAnswer):
        why = f"Twilio could not be reached: {answer.why}"
        yield from _heard(log, sms, "failed", message=why)
        raise TwilioUnreachable(log.id)
    reason = in_words(answer.code, None if isinstance(answer, Busy) else answer.said)
    yield from _heard(log, sms, "failed", code=answer.code, message=reason)
    raise TwilioRefused(answer.code, reason, log.id)


def _hand_over(call: CreateMessage) -> Steps[Heard | Failure]:
    # Only what was certainly not sent is tried again.
    answer: Heard | Failure = yield call
    for pause in _pauses():
        seconds = pause
        if isinstance(answer, Busy):
            seconds = min(max(pause, answer.seconds or 0), _LONGEST_PAUSE)
        elif not isinstance(answer, NoAnswer) or answer.handed_over:
            return answer
        if time.monotonic() + seconds > call.deadline:
            return answer
        yield Pause(seconds)
        answer = yield call
    return answer


def _pauses() -> Iterator[float]:
    for attempt in range(_TRIES - 1):
        yield _FIRST_PAUSE * 2**attempt * random.uniform(0.75, 1.25)  # noqa: S311 - no secret


def _heard(
    log: SmsLog,
    sms: Sms,
    status: str,
    *,
    sid: str | None = None,
    code: int | None = None,
    message: str | None = None,
) -> Steps[SmsLog]:
    # The database may be away for a moment just when Twilio has answered; twice does no harm.
    for seconds in (0.2, 0.8, 3.0, None):
        try:
            row = yield from advance(
                sms.organization_id,
                log.id,
                "answer",
                sid=sid,
                status=status,
                code=code,
                message=message,
            )
        except Unavailable:
            if seconds is None:
                raise
            yield Pause(seconds)
        else:
            return moved(log, row) if row else log
    raise AssertionError("unreachable")
