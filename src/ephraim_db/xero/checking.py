"""What state the connections are in: as stored, and as Xero sees one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import SecretStr

from ephraim_db.database import Steps, rows
from ephraim_db.sealing import Keyring
from ephraim_db.steps import Row
from ephraim_db.xero import stored
from ephraim_db.xero.calls import ListConnections, Tenant, TokenRefused
from ephraim_db.xero.errors import Reason, ReauthorizationRequired, XeroUnavailable
from ephraim_db.xero.refreshing import require, token

# Xero forgets a refresh token that was not used for 60 days.
_STATUS = """
select
    o.id as organization_id, o.name,
    case
        when o.xero_client_id is null then 'not configured'
        when o.xero_token_set_set and c.organization_id is not null
            then replace(c.status, '_', ' ')
        else 'not connected'
    end as state,
    c.tenant_name, c.connected_at, c.refreshed_at, c.access_expires_at,
    c.refreshed_at + interval '60 days' as refresh_expires_at, c.last_error, c.last_error_at,
    (
        select count(*)::int from public.xero_leftovers as l where l.organization_id = o.id
    ) as leftovers,
    now() as as_of
from public.organizations as o
left join public.xero_connections as c on o.id = c.organization_id and o.xero_token_set_set
order by o.name, o.id
"""


@dataclass(frozen=True, slots=True)
class Status:
    """One organization's connection as stored; times are the database's.

    `state` is "connected", "reauth required", "not connected" or "not configured"; what follows it
    is None unless it is one of the first two. `leftovers` counts what is still to be ended at Xero.
    """

    organization_id: UUID
    name: str
    state: str
    tenant_name: str | None
    connected_at: datetime | None
    refreshed_at: datetime | None
    access_expires_at: datetime | None
    refresh_expires_at: datetime | None
    last_error: str | None
    last_error_at: datetime | None
    leftovers: int
    as_of: datetime

    @classmethod
    def from_row(cls, row: Row) -> Self:
        """Take a row of the query above."""
        return cls(**row)


def status() -> Steps[list[Status]]:
    """Return every organization's connection, by name. Xero is not asked."""
    return [Status.from_row(row) for row in (yield from rows(_STATUS))]


def check(keyring: Keyring, organization_id: UUID) -> Steps[None]:
    """Ask Xero whether the tenant is still connected; if not, require another authorization."""
    rejected = None
    for _ in range(2):
        access = yield from token(keyring, organization_id, rejected)
        held = yield from stored.read(organization_id)
        bearer = SecretStr(access.value)
        try:
            tenants: tuple[Tenant, ...] = yield ListConnections(bearer)
        except TokenRefused:
            rejected = bearer
        else:
            return (yield from _judge(held, tenants))
    raise XeroUnavailable  # it issued that token just now


def _judge(held: stored.Stored, tenants: tuple[Tenant, ...]) -> Steps[None]:
    if held.tenant_id in {str(tenant.tenant_id) for tenant in tenants}:
        return
    if not (yield from require(held, Reason.TENANT_REMOVED)):
        raise XeroUnavailable  # connected anew while Xero was asked: ask again
    raise ReauthorizationRequired(Reason.TENANT_REMOVED)
