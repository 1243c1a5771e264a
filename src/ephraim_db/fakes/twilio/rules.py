"""When the API says no, in its own words, and what a request may look like at all.

The parameters are those of CreateMessage and ListMessage in Twilio's OpenAPI document; the codes
and texts those of https://www.twilio.com/docs/api/errors.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from ephraim_db.fakes.twilio.state import Account

# fmt: off
CREATE_PARAMETERS = frozenset(
    {
        "To", "StatusCallback", "ApplicationSid", "MaxPrice", "ProvideFeedback", "Attempt",
        "ValidityPeriod", "ForceDelivery", "ContentRetention", "AddressRetention",
        "SmartEncoded", "PersistentAction", "TrafficType", "ShortenUrls", "ScheduleType",
        "SendAt", "SendAsMms", "ContentVariables", "MessageIntent", "RiskCheck", "From",
        "FallbackFrom", "MessagingServiceSid", "Body", "MediaUrl", "ContentSid",
    }
)
# fmt: on
# fmt: off
LIST_PARAMETERS = frozenset(
    {
        "To", "From", "DateSent", "DateSent<", "DateSent>", "PageSize", "Page", "PageToken",
    }
)
# fmt: on

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_HOST = re.compile(r"[A-Za-z0-9.-]+(:[0-9]+)?")


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error answer."""

    status: int
    code: int
    message: str

    def as_json(self) -> dict[str, Any]:
        """Return the body that Twilio sends with it."""
        return {
            "code": self.code,
            "message": self.message,
            "more_info": f"https://www.twilio.com/docs/errors/{self.code}",
            "status": self.status,
        }


AUTHENTICATE = Refusal(HTTPStatus.UNAUTHORIZED, 20003, "Authenticate")
TOO_MANY = Refusal(HTTPStatus.TOO_MANY_REQUESTS, 20429, "Too Many Requests")
BROKEN = Refusal(HTTPStatus.INTERNAL_SERVER_ERROR, 20500, "An internal server error has occurred")


def not_found(path: str) -> Refusal:
    """Return the answer for a path that is not there."""
    return Refusal(HTTPStatus.NOT_FOUND, 20404, f"The requested resource {path} was not found")


def violations(given: list[tuple[str, str]], allowed: frozenset[str]) -> list[str]:
    """Return how a request departs from the OpenAPI document."""
    names = [name for name, _ in given]
    unknown = [f"no parameter is called {name}" for name in names if name not in allowed]
    repeatable = {"MediaUrl", "PersistentAction"}
    again = {name for name in names if names.count(name) > 1} - repeatable
    return unknown + [f"{name} is given more than once" for name in sorted(again)]


def refuse_message(account: Account, form: dict[str, str]) -> Refusal | None:
    """Return why the message is not taken, or None."""
    refusal = _refuse(account, form)
    return Refusal(HTTPStatus.BAD_REQUEST, *refusal) if refusal else None


def _refuse(account: Account, form: dict[str, str]) -> tuple[int, str] | None:
    to, sender, body = form.get("To", ""), form.get("From", ""), form.get("Body", "")
    callback = form.get("StatusCallback")
    if not to:
        return 21604, "A 'To' phone number is required."
    if not sender:
        return 21603, "A 'From' phone number is required."
    if not body:
        return 21602, "Message body is required."
    if len(body) > 1600:
        return 21617, "The concatenated message body exceeds the 1600 character limit"
    if not _E164.fullmatch(to):
        return 21211, f"Invalid 'To' Phone Number: {to}"
    if not _E164.fullmatch(sender):
        return 21212, f"Invalid From Number (caller ID): {sender}"
    if callback is not None and not _is_url(callback):
        return 21609, f"The 'StatusCallback' URL {callback} is not a valid URL."
    return _refuse_by_state(account, to, sender)


def _refuse_by_state(account: Account, to: str, sender: str) -> tuple[int, str] | None:
    if sender not in account.numbers:
        return 21660, f"Mismatch between the 'From' number {sender} and the account {account.sid}"
    if not account.numbers[sender]:
        return 21606, (
            f"The 'From' phone number provided ({sender}) is not a valid message-capable Twilio "
            "phone number for this destination/account"
        )
    if to == sender:
        return 21266, "'To' and 'From' number cannot be the same"
    if any(to.startswith(country) for country in account.closed_countries):
        return 21408, (
            "Permission to send an SMS has not been enabled for the region indicated by the "
            f"'To' number: {to}"
        )
    if account.trial and to not in account.verified:
        return 21608, (
            f"The number {to} is unverified. Trial accounts cannot send messages to unverified "
            "numbers; verify it at twilio.com/user/account/phone-numbers/verified, or purchase a "
            "Twilio number to send messages to unverified numbers"
        )
    if to in account.landlines:
        return 21614, "'To' number is not a valid mobile number"
    if to in account.stopped:
        return 21610, "Attempt to send to unsubscribed recipient"
    return None


def _is_url(text: str) -> bool:
    parts = urlsplit(text)
    return (
        parts.scheme in {"http", "https"}
        and bool(_HOST.fullmatch(parts.netloc))
        and len(text) <= 4000
    )
