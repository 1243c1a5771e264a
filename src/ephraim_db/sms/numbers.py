"""Which numbers can receive an SMS, by the numbering plans in libphonenumber."""

from __future__ import annotations

from functools import lru_cache

import phonenumbers
from phonenumbers import PhoneNumberType

from ephraim_db import inputs
from ephraim_db.errors import InvalidInput

# In Australia 1300 and 13 are SHARED_COST, 1800 is TOLL_FREE. Where a plan does not tell mobiles
# from landlines, as in North America, the type is FIXED_LINE_OR_MOBILE, and Twilio decides.
_DEAF = {
    PhoneNumberType.FIXED_LINE: "is a landline",
    PhoneNumberType.PREMIUM_RATE: "is a premium-rate number",
    PhoneNumberType.SHARED_COST: "is a 13 or 1300 number",
    PhoneNumberType.TOLL_FREE: "is a freephone number",
    PhoneNumberType.UAN: "is a company-wide access number",
    PhoneNumberType.VOICEMAIL: "is a voicemail number",
}


def recipient(field: str, value: object) -> str:
    """Return a number in E.164 that can receive an SMS, or raise `InvalidInput`."""
    number = inputs.phone(field, value)
    reason = _unfit(number)
    if reason:
        raise InvalidInput(field, f"{reason}; an SMS needs a mobile number")
    return number


@lru_cache(maxsize=4096)  # reminders go to the same people, and a plan is slow to look up
def _unfit(number: str) -> str | None:
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return "has no country's code"
    kind = phonenumbers.number_type(parsed)
    if kind == PhoneNumberType.UNKNOWN:
        return "is no number of its country's plan"
    if phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164) != number:
        return "has a 0 too many after its country's code"
    return _DEAF.get(kind)
