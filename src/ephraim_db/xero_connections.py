"""The organization's Xero connection as staff see it: which one, since when, and if it works."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import datetime

from ephraim_db.steps import Read, Steps, caller, read

_COLUMNS = (
    "tenant_name",
    "reauth_reason",
    "connected_at",
    "refreshed_at",
    "last_error",
    "last_error_at",
    "connected_by:profiles!xero_connections_connected_by_fkey(first_name,last_name)",
)


@dataclass(frozen=True, slots=True)
class XeroConnection:
    """A connected Xero organisation. `reauth_reason` is set if an admin has to connect again.

    `connected_by` is a name, or None where the caller may not see that member's profile.
    """

    tenant_name: str
    reauth_reason: str | None
    connected_by: str | None = field(repr=False)
    connected_at: datetime
    refreshed_at: datetime
    last_error: str | None
    last_error_at: datetime | None


@dataclass(frozen=True, slots=True)
class _Name:
    first_name: str = field(repr=False)
    last_name: str = field(repr=False)

    def __str__(self) -> str:
        return f"{self.first_name} {self.last_name}"


@dataclass(frozen=True, slots=True)
class _Stored:
    """The row of a connection: its columns, by name."""

    tenant_name: str
    reauth_reason: str | None
    connected_by: _Name | None
    connected_at: datetime
    refreshed_at: datetime
    last_error: str | None
    last_error_at: datetime | None


STORED = Read("xero_connections", _Stored, _COLUMNS, limit=1)


def get_xero_connection() -> Steps[XeroConnection | None]:
    """Return the connection, or None: there is none, or the caller is not staff."""
    yield from caller()
    rows = yield from read(STORED)
    if not rows:
        return None
    columns = {column.name: getattr(rows[0], column.name) for column in fields(rows[0])}
    who = rows[0].connected_by
    return XeroConnection(**{**columns, "connected_by": str(who) if who else None})
