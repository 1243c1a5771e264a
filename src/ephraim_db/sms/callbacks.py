"""The address Twilio reports to: a public URL, with the message's ids in its query.

https://sms.example.org/twilio/status  -->  ...?organization=<uuid>&message=<uuid>

The ids let a report find its row before Twilio's answer has brought the SID. Twilio signs the whole
address, so they cannot be changed on the way.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qs, urlencode, urlsplit
from uuid import UUID

from ephraim_db.errors import InvalidInput

_HOST = re.compile(r"[a-z0-9.:-]+")


@dataclass(frozen=True, slots=True)
class CallbackUrl:
    """The public URL of the endpoint, exactly as Twilio reaches it."""

    public: str

    def __post_init__(self) -> None:
        """Refuse what Twilio would, or could not sign in a way that is checked here."""
        try:
            parts = urlsplit(self.public)
            parts.port  # noqa: B018 - a port that is no number raises
        except ValueError:
            raise InvalidInput("callback_url", "is not a URL") from None
        written = self.public.isprintable() and not set(" #") & set(self.public)
        if parts.scheme not in {"http", "https"} or not written:
            raise InvalidInput("callback_url", "is not http(s)://host/path without a fragment")
        if parts.username is not None or not _HOST.fullmatch(parts.hostname or ""):
            raise InvalidInput("callback_url", "has a login in it, or a host Twilio does not take")

    def of(self, organization_id: UUID, sms_log_id: UUID) -> str:
        """Return the address for one message."""
        ids = urlencode({"organization": organization_id, "message": sms_log_id})
        return f"{self.public}{'&' if urlsplit(self.public).query else '?'}{ids}"

    def asked(self, query: str) -> str:
        """Return the address that Twilio asked, from the `query` of the request.

        Scheme, host, port and path are the configured ones: behind a proxy the request's differ.
        """
        base = self.public.partition("?")[0]
        return f"{base}?{query}" if query else base


def ids(query: str) -> tuple[UUID, UUID | None] | None:
    """Return the organization and, if named, the message that the query speaks of."""
    try:
        given = parse_qs(query, max_num_fields=20)
        organization = UUID(given["organization"][0])
        message = UUID(given["message"][0]) if "message" in given else None
    except (KeyError, ValueError):
        return None
    return organization, message
