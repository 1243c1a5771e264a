"""Where a page ended, as text that callers hand back unchanged.

base64url( digest of the question and the position | microseconds since 1970 | id )
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self
from uuid import UUID

from ephraim_db.errors import InvalidInput
from ephraim_db.sealing.keys import base64url_decode, base64url_encode

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICK = timedelta(microseconds=1)  # as fine as Postgres keeps time
_DIGEST, _TIME, _ID = 8, 8, 16


@dataclass(frozen=True, slots=True)
class Position:
    """The last row of a page, newest first."""

    created_at: datetime
    id: UUID

    def filters(self) -> tuple[tuple[str, str], ...]:
        """Return PostgREST's filters for the rows that follow.

        The first one alone is what an index is read by; the second skips those seen.
        """
        moment = self.created_at.astimezone(UTC).isoformat()
        return (
            ("created_at", f"lte.{moment}"),
            ("or", f'(created_at.lt."{moment}",id.lt.{self.id})'),
        )

    def cursor(self, question: object) -> str:
        """Return the text that brings back this position in an answer to `question`."""
        position = self._bytes()
        return base64url_encode(_digest(question, position) + position)

    @classmethod
    def parse(cls, field: str, text: object, question: object) -> Self:
        """Take a cursor apart; `InvalidInput` if it was changed, or belongs to another question."""
        try:
            data = base64url_decode(text if isinstance(text, str) else "")
        except ValueError:
            data = b""
        position = data[_DIGEST:]
        if len(position) != _TIME + _ID or data[:_DIGEST] != _digest(question, position):
            raise InvalidInput(field, "is not the `next` of a page with the same filters")
        ticks = int.from_bytes(position[:_TIME], "big", signed=True)
        return cls(_EPOCH + ticks * _TICK, UUID(bytes=position[_TIME:]))

    def _bytes(self) -> bytes:
        ticks = (self.created_at - _EPOCH) // _TICK
        return ticks.to_bytes(_TIME, "big", signed=True) + self.id.bytes


def _digest(question: object, position: bytes) -> bytes:
    # Against mistakes, not attackers: a cursor gives nobody a row that a policy withholds.
    return hashlib.sha256(repr(question).encode() + position).digest()[:_DIGEST]
