"""Ask Twilio what became of messages nobody heard of again, so that the log ends up honest.

pending, unknown --list by number--> one of Twilio's with that text --> its SID and status
                                  └> none, and old enough           --> failed: never sent
on their way     --fetch by SID----> their status
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from ephraim_db.database import Steps, rows
from ephraim_db.errors import Rejected, SealingError, TwilioNotConfigured
from ephraim_db.sealing import Keyring
from ephraim_db.sms.credential import Account, load_account
from ephraim_db.sms.log import advance
from ephraim_db.sms.refusals import in_words
from ephraim_db.sms.twilio import FetchMessage, Heard, ListMessages
from ephraim_db.steps import Row

# A sender gives up after two minutes, so what is pending for ten has no sender any more, and what
# Twilio does not list by then it never took.
STALE = timedelta(minutes=10)
_CLOCKS_DIFFER = timedelta(minutes=1)

_LOST = """
select m.id, m.organization_id, m.to_phone, m.message_body, m.status::text as status, m.created_at,
    m.created_at < now() - %(stale)s as is_stale
from public.sms_logs as m
where
    m.twilio_sid is null
    and m.status in ('pending', 'unknown')
    and (m.status = 'unknown' or m.created_at < now() - %(stale)s)
    and (%(organization_id)s::uuid is null or m.organization_id = %(organization_id)s)
order by m.organization_id, m.to_phone, m.created_at, m.id
"""
_ON_THEIR_WAY = """
select m.id, m.organization_id, m.twilio_sid, m.created_at
from public.sms_logs as m
where
    m.twilio_sid is not null
    and m.status in ('pending', 'unknown', 'accepted', 'queued', 'sending', 'sent')
    and m.created_at between now() - interval '2 days' and now() - %(stale)s
    and m.organization_id in (
        select o.id
        from public.organizations as o
        where %(organization_id)s::uuid is null or o.id = %(organization_id)s
    )
order by m.organization_id, m.created_at
"""
# Organizations may share a Twilio account, which lists the messages of all of them.
_SHARED = """
select m.organization_id, m.twilio_sid, m.message_body
from public.sms_logs as m
where
    m.organization_id in (
        select o.id
        from public.organizations as o
        where o.twilio_account_sid = %(account_sid)s or o.id = %(organization_id)s
    )
    and (
        m.twilio_sid = any(%(sids)s)
        or (
            m.organization_id <> %(organization_id)s
            and m.twilio_sid is null
            and m.status in ('pending', 'unknown')
            and m.to_phone = %(to)s
            and m.created_at > %(since)s
        )
    )
"""


@dataclass(frozen=True, slots=True)
class Reconciled:
    """How many messages were found, found never sent, moved on, and left for another time.

    `problems` says, for each organization that could not be asked, why.
    """

    found: int = 0
    never_sent: int = 0
    moved_on: int = 0
    left: int = 0
    problems: tuple[str, ...] = ()

    def __add__(self, other: Reconciled) -> Reconciled:
        """Add up."""
        return Reconciled(
            self.found + other.found,
            self.never_sent + other.never_sent,
            self.moved_on + other.moved_on,
            self.left + other.left,
            self.problems + other.problems,
        )


def reconcile(
    keyring: Keyring, organization_id: UUID | None = None, stale: timedelta = STALE
) -> Steps[Reconciled]:
    """Settle what is open, of one organization or of all; return what was done.

    It is safe to repeat, and to run beside senders and beside itself.
    """
    lost = yield from rows(_LOST, organization_id=organization_id, stale=stale)
    moving = yield from rows(_ON_THEIR_WAY, organization_id=organization_id, stale=stale)
    total = Reconciled()
    for organization in dict.fromkeys(row["organization_id"] for row in (*lost, *moving)):
        of_lost = [row for row in lost if row["organization_id"] == organization]
        of_moving = [row for row in moving if row["organization_id"] == organization]
        try:
            account = yield from load_account(organization, keyring)
        except (TwilioNotConfigured, SealingError) as problem:
            total += Reconciled(left=len(of_lost) + len(of_moving), problems=(str(problem),))
            continue
        of_lost, elsewhere = _of_account(account, of_lost)
        of_moving, unknowable = _of_account(account, of_moving)
        total += yield from _leave(account, elsewhere, len(unknowable))
        for messages in _by_number(of_lost):
            total += yield from _search(account, messages)
        for row in of_moving:
            total += yield from _follow(account, row)
    return total


def _of_account(account: Account, messages: list[Row]) -> tuple[list[Row], list[Row]]:
    since = account.since
    ours = [row for row in messages if since is None or row["created_at"] >= since]
    return ours, [row for row in messages if row not in ours]


def _leave(account: Account, lost: list[Row], others: int) -> Steps[Reconciled]:
    # Another account may have sent them, which cannot be asked any more.
    for row in lost:
        if row["status"] == "pending":
            why = "Unknown for good: the Twilio account was changed before it could be asked."
            yield from advance(
                account.organization_id, row["id"], "reconcile", status="unknown", message=why
            )
    return Reconciled(left=len(lost) + others)


def _search(account: Account, messages: list[Row]) -> Steps[Reconciled]:
    # All to one number, oldest first, so that equal texts take Twilio's messages in their order.
    since = messages[0]["created_at"] - _CLOCKS_DIFFER
    answer = yield ListMessages(account, messages[0]["to_phone"], since)
    if not isinstance(answer, list):
        return Reconciled(left=len(messages), problems=(_problem(account, answer),))
    shared = yield from rows(
        _SHARED,
        organization_id=account.organization_id,
        account_sid=account.sid,
        sids=[heard.sid for heard in answer],
        to=messages[0]["to_phone"],
        since=since - STALE,
    )
    taken = {row["twilio_sid"] for row in shared}
    theirs = [heard for heard in reversed(answer) if heard.sid not in taken]
    unsure = _unsure(messages, theirs, [row for row in shared if row["twilio_sid"] is None])
    total = Reconciled()
    if unsure:
        why = "another organization on the same Twilio account lost the same message"
        total += Reconciled(problems=(f"organization {account.organization_id}: {why}",))
    for message in messages:
        match = _match(message, theirs)
        if message["message_body"] in unsure:
            total += Reconciled(left=1)
        elif match is not None:
            theirs.remove(match)
            total += yield from _adopt(account, message, match)
        elif message["is_stale"]:
            yield from advance(
                account.organization_id,
                message["id"],
                "reconcile",
                status="failed",
                message="Never sent: Twilio has no such message. Send it again with a new key.",
            )
            total += Reconciled(never_sent=1)
        else:
            total += Reconciled(left=1)
    return total


def _unsure(messages: list[Row], theirs: list[Heard], claims: list[Row]) -> set[str]:
    # Texts of which Twilio has some, but not one for each row that waits for one.
    found = Counter(heard.body for heard in theirs)
    wanted = Counter(row["message_body"] for row in (*messages, *claims))
    claimed = {row["message_body"] for row in claims}
    return {body for body in claimed if 0 < found[body] < wanted[body]}


def _match(message: Row, theirs: Iterable[Heard]) -> Heard | None:
    earliest: datetime = message["created_at"] - _CLOCKS_DIFFER
    for heard in theirs:
        in_time = heard.created_at is None or heard.created_at >= earliest
        if in_time and heard.body == message["message_body"]:
            return heard
    return None


def _adopt(account: Account, message: Row, heard: Heard) -> Steps[Reconciled]:
    try:
        yield from advance(
            account.organization_id,
            message["id"],
            "reconcile",
            sid=heard.sid,
            status=heard.status,
            code=heard.error_code,
        )
    except Rejected:  # somebody else adopted it meanwhile: a SID belongs to one row
        return Reconciled(left=1)
    return Reconciled(found=1)


def _follow(account: Account, row: Row) -> Steps[Reconciled]:
    answer = yield FetchMessage(account, row["twilio_sid"])
    if not isinstance(answer, Heard):
        return Reconciled(left=1, problems=(_problem(account, answer),))
    yield from advance(
        account.organization_id,
        row["id"],
        "reconcile",
        sid=answer.sid,
        status=answer.status,
        code=answer.error_code,
    )
    return Reconciled(moved_on=1)


def _by_number(messages: list[Row]) -> list[list[Row]]:
    numbers: dict[str, list[Row]] = {}
    for message in messages:
        numbers.setdefault(message["to_phone"], []).append(message)
    return list(numbers.values())


def _problem(account: Account, failure: object) -> str:
    code = getattr(failure, "code", None)
    why = in_words(code) if code else getattr(failure, "why", "no answer")
    return f"organization {account.organization_id}: Twilio: {why}"
