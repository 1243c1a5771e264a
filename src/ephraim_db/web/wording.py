"""How things are said: times, numbers, statuses, roles."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from ephraim_db.sms_logs import SmsLog, SmsStatus


class Tone(StrEnum):
    """How a badge looks."""

    NEUTRAL = "neutral"
    INFO = "info"
    SUCCESS = "success"
    WARNING = "warning"
    DANGER = "danger"


MOVING = (
    SmsStatus.PENDING,
    SmsStatus.ACCEPTED,
    SmsStatus.SCHEDULED,
    SmsStatus.QUEUED,
    SmsStatus.SENDING,
    SmsStatus.SENT,
    SmsStatus.RECEIVING,
)
ARRIVED = (
    SmsStatus.DELIVERED,
    SmsStatus.READ,
    SmsStatus.PARTIALLY_DELIVERED,
    SmsStatus.RECEIVED,
)
LOST = (SmsStatus.UNDELIVERED, SmsStatus.FAILED, SmsStatus.CANCELED, SmsStatus.UNKNOWN)
STATUS_GROUPS = (("On the way", MOVING), ("Arrived", ARRIVED), ("Not delivered", LOST))

_TONES = (
    dict.fromkeys(MOVING, Tone.INFO)
    | dict.fromkeys(ARRIVED, Tone.SUCCESS)
    | dict.fromkeys(LOST, Tone.DANGER)
    | {SmsStatus.PARTIALLY_DELIVERED: Tone.WARNING, SmsStatus.UNKNOWN: Tone.WARNING}
)
_STEPS = ((3600.0, 60.0, "minute"), (86400.0, 3600.0, "hour"), (30 * 86400.0, 86400.0, "day"))
_AUSTRALIAN_MOBILE = 12  # characters of +61 and nine digits


def status_label(status: str) -> str:
    """Return a status as a word or two: partially_delivered is Partially delivered."""
    return status.replace("_", " ").capitalize()


def status_tone(status: str) -> Tone:
    """Return how a status's badge looks; neutral for one that Twilio may add."""
    try:
        return _TONES[SmsStatus(status)]
    except ValueError:
        return Tone.NEUTRAL


def phone(number: str) -> str:
    """Return an Australian number in groups; another one as it is."""
    if not number.startswith("+61") or len(number) != _AUSTRALIAN_MOBILE:
        return number
    return f"{number[:3]} {number[3:6]} {number[6:9]} {number[9:]}"


def local_time(moment: datetime, zone: ZoneInfo, seconds: bool = False) -> str:
    """Return day and time on the clock of `zone`: 1 Feb 2026, 16:00."""
    there = moment.astimezone(zone)
    return (
        f"{there.day} {there:%b %Y, %H:%M:%S}" if seconds else f"{there.day} {there:%b %Y, %H:%M}"
    )


def ago(moment: datetime, now: datetime | None = None) -> str:
    """Return how long ago: just now, 5 minutes ago, 3 days ago."""
    seconds = ((now or datetime.now(UTC)) - moment).total_seconds()
    if seconds < 60:
        return "just now"
    for limit, unit, name in _STEPS:
        if seconds < limit:
            count = int(seconds // unit)
            return f"{count} {name}{'' if count == 1 else 's'} ago"
    return f"on {moment.day} {moment:%b %Y}"


def about(message: SmsLog) -> str:
    """Return whom a message was for, and whether it was about a shift; empty if neither."""
    told = ["Worker"] if message.related_worker_id else []
    told += ["Participant"] if message.related_participant_id else []
    told += ["shift"] if message.related_shift_id else []
    return ", ".join(told).capitalize()


def article(word: str) -> str:
    """Return a or an."""
    return "an" if word[:1] in "aeiou" else "a"
