"""The organization's Xero connection as staff see it: which one, since when, and if it works."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from ephraim_db.steps import Read, Row, Steps, caller, read

_COLUMNS = (
    "tenant_name",
    "status",
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

    @classmethod
    def from_row(cls, row: Row) -> Self:
        """Take PostgREST's row."""
        who, failed = row["connected_by"], row["last_error_at"]
        return cls(
            tenant_name=row["tenant_name"],
            reauth_reason=row["reauth_reason"],
            connected_by=f"{who['first_name']} {who['last_name']}" if who else None,
            connected_at=datetime.fromisoformat(row["connected_at"]),
            refreshed_at=datetime.fromisoformat(row["refreshed_at"]),
            last_error=row["last_error"],
            last_error_at=datetime.fromisoformat(failed) if failed else None,
        )


def get_xero_connection() -> Steps[XeroConnection | None]:
    """Return the connection, or None: there is none, or the caller is not staff."""
    yield from caller()
    rows = yield from read(Read("xero_connections", Row, _COLUMNS, limit=1))
    return XeroConnection.from_row(rows[0]) if rows else None
