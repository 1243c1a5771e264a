"""What the page asks of the trusted services, so that each can be there or not."""

from __future__ import annotations

from typing import Protocol


class TestMessages(Protocol):
    """Sends a test SMS after the database said that the caller is an admin."""


class XeroConnections(Protocol):
    """Connects and disconnects Xero."""
