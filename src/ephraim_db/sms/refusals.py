"""What Twilio's error codes mean and what to do, in plain words.

The codes are those of https://www.twilio.com/docs/api/errors that an SMS can meet.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

STOP = 21610

_WORDS: Mapping[int, str] = MappingProxyType(
    {
        20003: "the account SID or the auth token is wrong. Enter both again, from the Twilio "
        "console; a token that was rotated there is a new one.",
        20005: "the Twilio account is not active. Its owner reactivates it in the Twilio console.",
        20404: "there is no such account. Compare the account SID with the Twilio console's.",
        20429: "too many requests at once. Send again later, with fewer in flight.",
        21211: "the number is not a valid phone number. Correct it.",
        21212: "the From number is not a valid phone number. Correct it in the settings.",
        21265: "the number is a short code, which cannot receive this SMS.",
        21266: "the number is the From number itself. Send to another one.",
        21408: "SMS to this country is not enabled. Enable it in the Twilio console under "
        "Messaging, Settings, Geo permissions.",
        21602: "the message has no text.",
        21606: "the From number cannot send SMS, or is not this account's. Enter one of the "
        "account's numbers that can.",
        21608: "a trial account sends to verified numbers only. Verify this number in the Twilio "
        "console, or upgrade the account.",
        21609: "the status callback is not a URL that Twilio can reach. Correct callback_url.",
        21610: "the recipient replied STOP. SMS to them is now switched off; they can reply START.",
        21611: "the From number has too many messages queued. Send again later.",
        21612: "this From number cannot send to this recipient. Try another From number.",
        21614: "the number is not a mobile number.",
        21617: "the message is longer than 1600 characters. Shorten it.",
        21659: "the From number is not a Twilio number or short code. Enter one of the account's.",
        21660: "the From number belongs to another Twilio account. Enter one of this account's.",
        30001: "the queue was too long, and the message expired in it. Send again later.",
        30002: "the Twilio account was suspended meanwhile. Its owner asks Twilio why.",
        30003: "the phone is switched off or out of reach. Send again later.",
        30004: "the recipient or their carrier blocks messages. Reach them another way.",
        30005: "the number does not exist, or not any more. Ask for the new one.",
        30006: "the number is a landline, or its carrier takes no SMS. Ask for a mobile number.",
        30007: "the carrier filtered the message as spam. Change its wording, or ask Twilio.",
        30008: "the carrier gave no reason. Send again; if it stays so, ask Twilio.",
        30022: "the carrier takes no more from this sender for now. Send again later, more slowly.",
        30032: "the toll-free From number is not verified. Verify it in the Twilio console.",
        30034: "the From number is not registered for messages to the United States.",
        30036: "the message's validity period ran out. Send again.",
        30044: "the message is too long for a trial account. Shorten it, or upgrade the account.",
        63038: "the account may send no more messages today. Send again tomorrow.",
    }
)


def in_words(code: int, said: str | None = None) -> str:
    """Return what `code` means and what to do; for codes not known here, what Twilio `said`."""
    if code in _WORDS:
        return _WORDS[code]
    more = f"see https://www.twilio.com/docs/api/errors/{code}"
    return f"{said.strip()[:500]} ({more})" if said and said.strip() else more
