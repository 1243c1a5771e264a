"""Storing a connection: tenant, tokens and flag in one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from ephraim_db.database import Steps, rows
from ephraim_db.sealing import Keyring
from ephraim_db.steps import Row
from ephraim_db.xero import stored
from ephraim_db.xero.calls import Tenant
from ephraim_db.xero.errors import AuthorizationRefused, Refusal
from ephraim_db.xero.tokens import TokenSet, opened_tokens, place, sealed_here

# Another Xero organisation than before: the old connection is to be ended at Xero.
_PART = """
insert into public.xero_leftovers (
    organization_id, connection_id, xero_client_id, xero_client_secret, xero_token_set
)
select o.id, c.connection_id, o.xero_client_id, o.xero_client_secret, o.xero_token_set
from public.organizations as o
inner join public.xero_connections as c on o.id = c.organization_id
where
    o.id = %(organization_id)s and c.connection_id <> %(connection_id)s
    and o.xero_token_set is not null
"""

_KEEP = """
insert into public.xero_connections as c (
    organization_id, connection_id, tenant_name, scope, connected_by, access_expires_at
) values (
    %(organization_id)s, %(connection_id)s, %(tenant_name)s, %(scope)s, %(user_id)s,
    %(access_expires_at)s
)
on conflict (organization_id) do update
set
    connection_id = excluded.connection_id, tenant_name = excluded.tenant_name,
    scope = excluded.scope, status = 'connected', reauth_reason = null,
    connected_by = excluded.connected_by, connected_at = excluded.connected_at,
    refreshed_at = excluded.refreshed_at, access_expires_at = excluded.access_expires_at,
    generation = c.generation + 1, refused_secret_hash = null,
    last_error = null, last_error_at = null
"""

_STORE = """
update public.organizations
set xero_token_set = %(envelope)s, xero_tenant_id = %(tenant_id)s
where id = %(organization_id)s and xero_client_id = %(client_id)s
returning id
"""

# The same connection may be left over from before: it is wanted again.
_KEEP_NO_LEFTOVER = """
delete from public.xero_leftovers
where organization_id = %(organization_id)s and connection_id = %(connection_id)s
"""


@dataclass(frozen=True, slots=True)
class Connection:
    """A connection that was made."""

    organization_id: UUID
    connection_id: UUID
    tenant_id: UUID
    tenant_name: str


def connect(
    keyring: Keyring, authorization: Row, tokens: TokenSet, tenant: Tenant, asked_at: datetime
) -> Steps[Connection]:
    """Store the connection that the authorization led to; the database sets the flag."""
    expires_at = asked_at + timedelta(seconds=tokens.expires_in)
    return (yield from _connect(keyring, authorization, tokens, tenant, expires_at))


def connect_chosen(keyring: Keyring, authorization: Row, tenant: Tenant) -> Steps[Connection]:
    """Store the connection that was chosen of those the authorization kept."""
    organization_id: UUID = authorization["organization_id"]
    tokens = opened_tokens(keyring, authorization["xero_token_set"], organization_id)
    expires_at = authorization["access_expires_at"]
    return (yield from _connect(keyring, authorization, tokens, tenant, expires_at))


def _connect(
    keyring: Keyring, authorization: Row, tokens: TokenSet, tenant: Tenant, expires_at: datetime
) -> Steps[Connection]:
    organization_id: UUID = authorization["organization_id"]
    which = {"organization_id": organization_id, "connection_id": tenant.connection_id}
    yield from stored.on_behalf_of(authorization["user_id"])
    yield from stored.lock(organization_id)
    yield from rows(_PART, **which)
    yield from rows(
        _KEEP,
        **which,
        tenant_name=tenant.name,
        scope=tokens.scope,
        user_id=authorization["user_id"],
        access_expires_at=expires_at,
    )
    envelope = yield from sealed_here(keyring, tokens.to_secret(), place(organization_id))
    kept = yield from rows(
        _STORE,
        organization_id=organization_id,
        client_id=authorization["xero_client_id"],
        tenant_id=str(tenant.tenant_id),
        envelope=envelope,
    )
    if not kept:
        raise AuthorizationRefused(Refusal.APP_CHANGED)
    yield from rows(_KEEP_NO_LEFTOVER, **which)
    return Connection(organization_id, tenant.connection_id, tenant.tenant_id, tenant.name)
