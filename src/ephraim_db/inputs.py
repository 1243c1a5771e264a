"""What callers may pass: each value is checked before the network, and the field named.

No check repeats the value it refuses. The patterns are those of the database's own checks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from enum import Enum, StrEnum
from typing import Final, TypeVar
from uuid import UUID

from pydantic import SecretStr

from ephraim_db.errors import InvalidInput
from ephraim_db.sealing.envelope import MAX_SECRET_BYTES

_SID = re.compile(r"AC[0-9a-fA-F]{32}")
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_ABN = re.compile(r"[1-9][0-9]{10}")
_ABN_WEIGHTS = (10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19)
_LONGEST_LINE = 200

Word = TypeVar("Word", bound=StrEnum)


class Clear(Enum):
    """The type of `CLEAR`, which removes what is stored; what is left out stays as it is."""

    CLEAR = "CLEAR"

    def __repr__(self) -> str:
        """Return the name to write in code."""
        return "CLEAR"


CLEAR: Final = Clear.CLEAR


def line(field: str, value: object) -> str:
    """Return text of one line, without the space around it."""
    text = value.strip() if isinstance(value, str) else ""
    if not text:
        raise InvalidInput(field, "is blank; leave it out to keep what is stored")
    if len(text) > _LONGEST_LINE or not text.isprintable():
        raise InvalidInput(field, f"is not one line of at most {_LONGEST_LINE} characters")
    return text


def name(field: str, value: object) -> str:
    """Return a name: text of one line, which cannot be cleared."""
    return line(field, value)


def account_sid(field: str, value: object) -> str:
    """Return a Twilio account SID: AC and 32 hexadecimal digits."""
    if not isinstance(value, str) or not _SID.fullmatch(value):
        raise InvalidInput(field, "is not AC followed by 32 hexadecimal digits")
    return value


def phone(field: str, value: object) -> str:
    """Return a number in E.164, such as +61412345678."""
    if not isinstance(value, str) or not _E164.fullmatch(value):
        raise InvalidInput(field, "is not E.164: + and 7 to 15 digits, such as +61412345678")
    return value


def abn(field: str, value: object) -> str:
    """Return an Australian Business Number as 11 digits; spaces between them are dropped.

    The Australian Business Register's rule: less 1 in the first digit, the weighted sum of the
    digits is a multiple of 89.
    """
    digits = value.replace(" ", "") if isinstance(value, str) else ""
    if not _ABN.fullmatch(digits):
        raise InvalidInput(field, "is not 11 digits")
    total = sum(w * int(d) for w, d in zip(_ABN_WEIGHTS, digits, strict=True)) - _ABN_WEIGHTS[0]
    if total % 89:
        raise InvalidInput(field, "has a wrong check digit: compare it with the register's")
    return digits


def flag(field: str, value: object) -> bool:
    """Return True or False; nothing else passes for them."""
    if not isinstance(value, bool):
        raise InvalidInput(field, "is neither True nor False")
    return value


def uuid(field: str, value: object) -> UUID:
    """Return a UUID, given as one or as text."""
    if isinstance(value, UUID):
        return value
    try:
        return UUID(value if isinstance(value, str) else "")
    except ValueError:
        raise InvalidInput(field, "is not a UUID") from None


def moment(field: str, value: object) -> datetime:
    """Return a point in time, in UTC; a datetime without a time zone is none."""
    try:
        if isinstance(value, datetime) and value.utcoffset() is not None:
            return value.astimezone(UTC)
    except OverflowError:
        raise InvalidInput(field, "is out of range") from None
    raise InvalidInput(field, "is not a datetime with a time zone, such as datetime.now(UTC)")


def one_of(field: str, value: object, words: type[Word]) -> Word:
    """Return the member of `words` that `value` names."""
    try:
        return words(value if isinstance(value, str) else "")
    except ValueError:
        raise InvalidInput(field, f"is none of {', '.join(words)}") from None


def whole_number(field: str, value: object, lowest: int, highest: int) -> int:
    """Return an int between `lowest` and `highest`, both included."""
    if not isinstance(value, int) or isinstance(value, bool) or not lowest <= value <= highest:
        raise InvalidInput(field, f"is not a whole number from {lowest} to {highest}")
    return value


def conceal(value: str | SecretStr | Clear | None) -> SecretStr | Clear | None:
    """Wrap a secret at once, so that no traceback shows it among a frame's variables."""
    return value if value is None or isinstance(value, Clear | SecretStr) else SecretStr(value)


def secret(field: str, value: object) -> SecretStr | None:
    """Return a concealed secret without the space around it, or None if it is blank."""
    flaw = _flaw(value)
    if flaw or not isinstance(value, SecretStr):
        raise InvalidInput(field, flaw or "is not text")
    stripped = SecretStr(value.get_secret_value().strip())
    return stripped if stripped.get_secret_value() else None


def _flaw(value: object) -> str | None:
    # Returned, not raised: a raised error would keep this frame, and with it the secret.
    text = value.get_secret_value() if isinstance(value, SecretStr) else None
    if not isinstance(text, str):
        return "is not text"
    if not text.strip().isprintable():
        return "holds characters that do not print: was it pasted whole?"
    if len(text.strip().encode("utf-8")) > MAX_SECRET_BYTES:
        return f"is longer than {MAX_SECRET_BYTES} bytes"
    return None


# A column that is not null takes no CLEAR.
_ALWAYS_SET = (name, flag)


def changes(
    given: Iterable[tuple[str, object, Callable[[str, object], object]]],
) -> dict[str, object]:
    """Return the columns to write: what was left out or is a blank secret is not among them."""
    values: dict[str, object] = {}
    for field, value, check in given:
        if value is CLEAR and check not in _ALWAYS_SET:
            values[field] = None
        elif value is not None and (checked := check(field, value)) is not None:
            values[field] = checked
    return values
