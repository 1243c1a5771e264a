"""What is stored of an organization's Xero connection: read, locked, and replaced by the next set.

The lock is always taken before the organization's row is written, so that nobody waits in a ring.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Self
from uuid import UUID

from ephraim_db.database import Steps, first_row, rows
from ephraim_db.errors import InvalidInput
from ephraim_db.sealing import Keyring
from ephraim_db.steps import Row
from ephraim_db.xero.calls import Client
from ephraim_db.xero.errors import (
    NotConnected,
    Reason,
    ReauthorizationRequired,
    XeroNotConfigured,
)
from ephraim_db.xero.tokens import TokenSet, opened, opened_tokens, place, sealed_here

_READ = """
select
    o.id as organization_id, o.xero_client_id, o.xero_client_secret, o.xero_tenant_id,
    o.xero_token_set, c.connection_id, c.generation, c.reauth_reason, c.access_expires_at,
    clock_timestamp() as asked_at,
    coalesce(c.access_expires_at > clock_timestamp() + interval '60 seconds', false) as is_fresh,
    coalesce(
        c.refused_secret_hash = sha256(coalesce(o.xero_client_secret, '')::bytea), false
    ) as client_is_refused
from public.organizations as o
left join public.xero_connections as c on o.id = c.organization_id
where o.id = %(organization_id)s
"""

_LOCK = """
select c.organization_id from public.xero_connections as c
where c.organization_id = %(organization_id)s
for update
"""

# Not by the envelope: a key rotation may have sealed the same tokens anew.
_REPLACE = """
update public.organizations set xero_token_set = %(envelope)s
where id = %(organization_id)s and xero_client_id = %(client_id)s and xero_token_set is not null
returning id
"""

_ADVANCE = """
update public.xero_connections
set
    generation = generation + 1,
    access_expires_at = %(asked_at)s + make_interval(secs => %(expires_in)s),
    refreshed_at = clock_timestamp(),
    status = 'connected', reauth_reason = null, refused_secret_hash = null,
    last_error = null, last_error_at = null
where organization_id = %(organization_id)s
returning access_expires_at
"""

# The client id was changed while Xero was asked: what Xero answered goes where the old set went.
_LEAVE = """
with gone as (
    delete from public.xero_connections where organization_id = %(organization_id)s
    returning organization_id, connection_id
)
update public.xero_leftovers as l set xero_token_set = %(envelope)s
from gone
where
    l.organization_id = gone.organization_id and l.connection_id = gone.connection_id
    and l.xero_client_id = %(client_id)s
returning l.id
"""


@dataclass(frozen=True, slots=True)
class Stored:
    """An organization's connection as the database holds it; the secrets are still sealed.

    `asked_at` is the database's clock when it was read, before Xero is asked anything.
    """

    organization_id: UUID
    client_id: str
    client_secret: str | None = field(repr=False)
    tenant_id: str
    token_set: str = field(repr=False)
    connection_id: UUID
    generation: int
    reauth_reason: str | None
    access_expires_at: datetime
    asked_at: datetime
    is_fresh: bool
    client_is_refused: bool

    @classmethod
    def from_row(cls, row: Row) -> Self:
        """Take the row of a connected organization."""
        return cls(
            organization_id=row["organization_id"],
            client_id=row["xero_client_id"],
            client_secret=row["xero_client_secret"],
            tenant_id=row["xero_tenant_id"],
            token_set=row["xero_token_set"],
            connection_id=row["connection_id"],
            generation=row["generation"],
            reauth_reason=row["reauth_reason"],
            access_expires_at=row["access_expires_at"],
            asked_at=row["asked_at"],
            is_fresh=row["is_fresh"],
            client_is_refused=row["client_is_refused"],
        )

    def client(self, keyring: Keyring) -> Client:
        """Return the organization's app, its secret opened."""
        return opened_client(keyring, self.organization_id, self.client_id, self.client_secret)

    def tokens(self, keyring: Keyring) -> TokenSet:
        """Return the tokens, opened."""
        return opened_tokens(keyring, self.token_set, self.organization_id)


def opened_client(
    keyring: Keyring, organization_id: UUID, client_id: str, client_secret: str | None
) -> Client:
    """Return the app with its secret opened, if it has one."""
    if client_secret is None:
        return Client(client_id, None)
    where = place(organization_id, "xero_client_secret")
    return Client(client_id, opened(keyring, client_secret, where))


def read_client(keyring: Keyring, organization_id: UUID) -> Steps[Client]:
    """Return the organization's app, or raise `XeroNotConfigured`."""
    row = yield from _row(organization_id)
    if row["xero_client_id"] is None:
        raise XeroNotConfigured
    return opened_client(keyring, organization_id, row["xero_client_id"], row["xero_client_secret"])


def read(organization_id: UUID) -> Steps[Stored]:
    """Return the connection, or raise `NotConnected` or `ReauthorizationRequired`."""
    row = yield from _row(organization_id)
    if row["xero_token_set"] is None or row["connection_id"] is None:
        raise NotConnected
    stored = Stored.from_row(row)
    if stored.reauth_reason is not None:
        raise ReauthorizationRequired(Reason(stored.reauth_reason))
    return stored


def lock(organization_id: UUID) -> Steps[None]:
    """Hold the organization's connection, if there is one, for the rest of the transaction."""
    yield from rows("set local lock_timeout = '30s'")
    yield from rows(_LOCK, organization_id=organization_id)


def on_behalf_of(user_id: UUID | None) -> Steps[None]:
    """Have the database record, in this transaction, who asked for the change."""
    yield from rows(
        "select set_config('ephraim_db.on_behalf_of', %(user_id)s, true) as told",
        user_id="" if user_id is None else str(user_id),
    )


def read_locked(organization_id: UUID) -> Steps[Stored]:
    """Take the lock, then `read`: others may have refreshed."""
    yield from lock(organization_id)
    return (yield from read(organization_id))


def replace(stored: Stored, tokens: TokenSet, keyring: Keyring) -> Steps[datetime | None]:
    """Store the next set in place of `stored`, locked; return when its access token expires.

    None: the connection ended meanwhile. The set went where the old one went, to be revoked.
    """
    where = place(stored.organization_id)
    envelope = yield from sealed_here(keyring, tokens.to_secret(), where)
    client = {"organization_id": stored.organization_id, "client_id": stored.client_id}
    if not (yield from rows(_REPLACE, envelope=envelope, **client)):
        yield from rows(_LEAVE, envelope=envelope, **client)
        return None
    advanced = yield from rows(
        _ADVANCE,
        organization_id=stored.organization_id,
        asked_at=stored.asked_at,
        expires_in=tokens.expires_in,
    )
    expires_at: datetime = advanced[0]["access_expires_at"]
    return expires_at


def _row(organization_id: UUID) -> Steps[Row]:
    row = yield from first_row(_READ, organization_id=organization_id)
    if row is None:
        raise InvalidInput("organization_id", "is no organization's")
    return row
