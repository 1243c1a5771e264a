"""What the fake Twilio remembers: accounts, their numbers, and every message in order."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from enum import StrEnum
from typing import Any

VERSION = "2010-04-01"


class Fault(StrEnum):
    """What goes wrong with a request; `_after` is once the message was taken."""

    BUSY = "429"
    BROKEN = "500"
    BROKEN_AFTER = "500 after"
    RESET = "connection reset"
    RESET_AFTER = "connection reset after"
    SILENCE = "no answer"
    SILENCE_AFTER = "no answer after"
    GARBAGE_AFTER = "an answer that is no JSON, after"


@dataclass
class Account:
    """One account. `numbers` are its own, by whether they can send SMS."""

    sid: str
    auth_token: str = field(repr=False)
    numbers: dict[str, bool]
    trial: bool = False
    verified: set[str] = field(default_factory=set)
    stopped: set[str] = field(default_factory=set)
    landlines: set[str] = field(default_factory=set)
    closed_countries: set[str] = field(default_factory=set)
    undeliverable: dict[str, int] = field(default_factory=dict)


@dataclass
class Message:
    """One message, as the API shows it."""

    account_sid: str
    to: str
    from_: str
    body: str
    status_callback: str | None
    sid: str = field(default_factory=lambda: "SM" + secrets.token_hex(16))
    status: str = "queued"
    error_code: int | None = None
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    sent_at: datetime | None = None
    updated_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def move(self, status: str, error_code: int | None = None) -> None:
        """Take the next status."""
        self.status, self.error_code = status, error_code
        self.updated_at = datetime.now(UTC)
        if status == "sent":
            self.sent_at = self.updated_at

    def as_json(self) -> dict[str, Any]:
        """Return the resource, with every field that the OpenAPI document names."""
        uri = f"/{VERSION}/Accounts/{self.account_sid}/Messages/{self.sid}"
        return {
            "account_sid": self.account_sid,
            "api_version": VERSION,
            "body": self.body,
            "date_created": format_datetime(self.created_at),
            "date_sent": format_datetime(self.sent_at) if self.sent_at else None,
            "date_updated": format_datetime(self.updated_at),
            "direction": "outbound-api",
            "error_code": self.error_code,
            "error_message": None,
            "from": self.from_,
            "messaging_service_sid": None,
            "num_media": "0",
            "num_segments": str(1 + (len(self.body) - 1) // 153 if len(self.body) > 160 else 1),
            "price": None,
            "price_unit": "USD",
            "sid": self.sid,
            "status": self.status,
            "subresource_uris": {"media": f"{uri}/Media.json"},
            "to": self.to,
            "uri": f"{uri}.json",
        }
