"""Ending a connection: here at once, at Xero as soon as it answers; safe to repeat.

disconnect --one transaction--> columns cleared, flag off, a leftover recorded (by the database)
           --> DELETE /connections/{id} --> revoke --> leftover gone
                        └ Xero is down: the leftover stays, and is tried again by `retry_leftovers`
"""

from __future__ import annotations

from uuid import UUID

from ephraim_db.database import Steps, first_row, rows, together
from ephraim_db.errors import SealingError, XeroError
from ephraim_db.sealing import Keyring
from ephraim_db.steps import Row
from ephraim_db.xero import stored
from ephraim_db.xero.calls import (
    Client,
    GrantRefused,
    RefreshTokens,
    RemoveConnection,
    RevokeTokens,
    TokenRefused,
)
from ephraim_db.xero.tokens import TokenSet, opened_tokens, place, sealed_here

_CLEAR = """
update public.organizations set xero_token_set = null, xero_tenant_id = null
where id = %(organization_id)s and (xero_token_set is not null or xero_tenant_id is not null)
"""

_FORGET = "delete from public.xero_connections where organization_id = %(organization_id)s"

_LEFT = """
select id from public.xero_leftovers
where organization_id = coalesce(%(organization_id)s::uuid, organization_id)
order by created_at, id
"""

# Revoking ends every connection of the Xero user to the app, so not while somebody here needs one.
_FIND = """
select
    l.organization_id, l.connection_id, l.xero_client_id, l.xero_client_secret, l.xero_token_set,
    exists (
        select from public.organizations as o
        where o.xero_client_id = l.xero_client_id and o.xero_token_set is not null
    ) as is_app_in_use
from public.xero_leftovers as l
where l.id = %(id)s
for update of l skip locked
"""

_RENEW = "update public.xero_leftovers set xero_token_set = %(envelope)s where id = %(id)s"

_DONE = "delete from public.xero_leftovers where id = %(id)s"

_NOTE = """
update public.xero_leftovers
set attempts = attempts + 1, tried_at = clock_timestamp(), last_error = %(error)s
where id = %(id)s
"""


def disconnect(keyring: Keyring, organization_id: UUID, user_id: UUID | None) -> Steps[int]:
    """End the connection, if there is one; return how much is left to end at Xero."""

    def clear() -> Steps[None]:
        yield from stored.on_behalf_of(user_id)
        yield from stored.lock(organization_id)
        yield from rows(_CLEAR, organization_id=organization_id)
        yield from rows(_FORGET, organization_id=organization_id)

    yield from together(clear())
    return (yield from end_leftovers(keyring, organization_id))


def end_leftovers(keyring: Keyring, organization_id: UUID | None = None) -> Steps[int]:
    """Try to end at Xero what is over here, of all organizations or one; return what is left."""
    for row in (yield from rows(_LEFT, organization_id=organization_id)):
        yield from together(_end(keyring, row["id"]))
    return len((yield from rows(_LEFT, organization_id=organization_id)))


def _end(keyring: Keyring, leftover_id: UUID) -> Steps[None]:
    found = yield from first_row(_FIND, id=leftover_id)
    if found is None:
        return  # ended by somebody else, or they are at it
    try:
        yield from _end_at_xero(keyring, leftover_id, found)
    except GrantRefused:
        pass  # the tokens are dead: there is nothing left to revoke, nor a way to ask
    except (XeroError, SealingError) as error:
        yield from rows(_NOTE, id=leftover_id, error=str(error))
        return
    yield from rows(_DONE, id=leftover_id)


def _end_at_xero(keyring: Keyring, leftover_id: UUID, found: Row) -> Steps[None]:
    organization_id: UUID = found["organization_id"]
    client = stored.opened_client(
        keyring, organization_id, found["xero_client_id"], found["xero_client_secret"]
    )
    tokens = opened_tokens(keyring, found["xero_token_set"], organization_id)
    if found["connection_id"] is not None:
        try:
            yield RemoveConnection(tokens.access_token, found["connection_id"])
        except TokenRefused:
            tokens = yield from _renew(keyring, leftover_id, organization_id, client, tokens)
            yield RemoveConnection(tokens.access_token, found["connection_id"])
    if not found["is_app_in_use"]:
        yield RevokeTokens(client, tokens.refresh_token)


def _renew(
    keyring: Keyring, leftover_id: UUID, organization_id: UUID, client: Client, tokens: TokenSet
) -> Steps[TokenSet]:
    renewed: TokenSet = yield RefreshTokens(client, tokens.refresh_token)
    where = place(organization_id)
    envelope = yield from sealed_here(keyring, renewed.to_secret(), where)
    yield from rows(_RENEW, id=leftover_id, envelope=envelope)
    return renewed
