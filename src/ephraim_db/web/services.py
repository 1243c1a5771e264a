"""What the page asks of the trusted services; each may be absent.

`ephraim_db.sms.AsyncSender` and `ephraim_db.xero.AsyncXero` answer to these.
"""

from __future__ import annotations

from typing import Any, Protocol
from uuid import UUID

from ephraim_db.sms_logs import SmsLog


class MessageTester(Protocol):
    """Sends a test SMS that an admin asked for."""

    async def send_test_sms(self, organization_id: UUID, to: str, *, requested: UUID) -> SmsLog:
        """Send it; `requested` is the request that the database took from an admin."""


class XeroConnections(Protocol):
    """Connects organizations to Xero and disconnects them."""

    async def authorization_url(self, organization_id: UUID, user_id: UUID, *, session: str) -> str:
        """Return where to send the browser."""

    async def complete(
        self, returned_to: str, organization_id: UUID, user_id: UUID, *, session: str
    ) -> Any:
        """Take what Xero returned; the answer has `tenants` if there is a choice to make."""

    async def choose(
        self, choice: str, tenant_id: UUID, organization_id: UUID, user_id: UUID, *, session: str
    ) -> Any:
        """Connect one of the offered organisations."""

    async def disconnect(self, organization_id: UUID, *, user_id: UUID | None = None) -> int:
        """End the connection; return how much is left to end at Xero."""
