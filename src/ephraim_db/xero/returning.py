"""Coming back from Xero: the state is used up, the code exchanged, one tenant connected.

complete --used up--> code --exchange--> tokens --GET /connections--> one tenant: connected
                                                                  └-> several: kept until `choose`
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

from pydantic import SecretStr

from ephraim_db.database import Steps, first_row, rows
from ephraim_db.sealing import Keyring
from ephraim_db.steps import Row
from ephraim_db.xero import connecting, stored
from ephraim_db.xero.authorizing import Asker, as_admin, hashed
from ephraim_db.xero.calls import ExchangeCode, GrantRefused, ListConnections, Tenant, TokenRefused
from ephraim_db.xero.connecting import Connection
from ephraim_db.xero.errors import AuthorizationRefused, Refusal, XeroUnavailable
from ephraim_db.xero.tokens import TokenSet, opened, place, sealed_here

_FIND = """
select
    a.organization_id, a.user_id, a.session_hash, a.xero_client_id, a.redirect_uri,
    a.code_verifier, a.used_at is not null as is_used, a.expires_at <= now() as is_expired,
    a.xero_token_set, a.scope, a.access_expires_at, a.tenants,
    a.xero_client_id is distinct from o.xero_client_id as is_other_app,
    o.xero_client_secret, clock_timestamp() as asked_at
from public.xero_authorizations as a
inner join public.organizations as o on a.organization_id = o.id
where a.state_hash = %(state_hash)s
for update of a
"""

_USE = """
update public.xero_authorizations set used_at = clock_timestamp()
where state_hash = %(state_hash)s
"""

_OFFER = """
update public.xero_authorizations
set
    xero_token_set = %(envelope)s, scope = %(scope)s, tenants = %(tenants)s::jsonb,
    access_expires_at = %(asked_at)s + make_interval(secs => %(expires_in)s),
    expires_at = clock_timestamp() + interval '10 minutes'
where state_hash = %(state_hash)s
"""

_TAKE = """
update public.xero_authorizations
set xero_token_set = null, scope = null, tenants = null, access_expires_at = null
where state_hash = %(state_hash)s
"""


@dataclass(frozen=True, slots=True)
class Choice:
    """Several Xero organisations were connected: `choose` one, within ten minutes."""

    id: str
    tenants: tuple[Tenant, ...]


def complete(keyring: Keyring, asker: Asker, returned_to: SecretStr) -> Steps[Connection | Choice]:
    """Take the URL that Xero returned the browser to; nothing is stored if it is refused."""
    address, query = _taken_apart(returned_to)
    _refuse_if("state" not in query, Refusal.UNKNOWN_STATE)
    state_hash = hashed(query["state"])

    def use_up() -> Steps[Row]:
        row = yield from _find(state_hash, asker)
        if row["is_used"]:
            raise AuthorizationRefused(Refusal.REPLAYED)
        _refuse_if(row["is_expired"], Refusal.EXPIRED)
        _refuse_if(address != row["redirect_uri"], Refusal.WRONG_REDIRECT)
        yield from rows(_USE, state_hash=state_hash)
        return row

    row = yield from as_admin(use_up())
    # The state is used up by now, whatever comes.
    if "error" in query:
        denied = query["error"].get_secret_value() == "access_denied"
        raise AuthorizationRefused(Refusal.DENIED if denied else Refusal.PROVIDER_ERROR)
    _refuse_if("code" not in query, Refusal.PROVIDER_ERROR)
    _refuse_if(row["is_other_app"], Refusal.APP_CHANGED)
    tokens = yield from _exchange(keyring, row, query["code"])
    try:
        tenants: tuple[Tenant, ...] = yield ListConnections(tokens.access_token)
    except TokenRefused:
        raise XeroUnavailable from None  # it issued that token just now
    _refuse_if(not tenants, Refusal.NO_TENANT)
    if len(tenants) > 1:
        return (yield from _offer(keyring, state_hash, row, tokens, tenants))
    return (
        yield from as_admin(connecting.connect(keyring, row, tokens, tenants[0], row["asked_at"]))
    )


def choose(keyring: Keyring, asker: Asker, choice_id: str, tenant_id: UUID) -> Steps[Connection]:
    """Connect one of the offered Xero organisations."""
    try:
        state_hash = bytes.fromhex(choice_id)
    except ValueError:
        raise AuthorizationRefused(Refusal.UNKNOWN_STATE) from None

    def take() -> Steps[Connection]:
        row = yield from _find(state_hash, asker)
        _refuse_if(row["tenants"] is None, Refusal.REPLAYED)
        _refuse_if(row["is_expired"], Refusal.EXPIRED)
        _refuse_if(row["is_other_app"], Refusal.APP_CHANGED)
        offered = {UUID(found["tenant_id"]): found for found in row["tenants"]}
        _refuse_if(tenant_id not in offered, Refusal.NOT_OFFERED)
        found = offered[tenant_id]
        tenant = Tenant(UUID(found["connection_id"]), tenant_id, found["name"])
        yield from rows(_TAKE, state_hash=state_hash)
        return (yield from connecting.connect_chosen(keyring, row, tenant))

    return (yield from as_admin(take()))


def _find(state_hash: bytes, asker: Asker) -> Steps[Row]:
    row = yield from first_row(_FIND, state_hash=state_hash)
    if row is None:
        raise AuthorizationRefused(Refusal.UNKNOWN_STATE)
    whose = (row["organization_id"], row["user_id"], bytes(row["session_hash"]))
    mine = (asker.organization_id, asker.user_id, asker.session_hash())
    _refuse_if(whose != mine, Refusal.FOREIGN_STATE)
    return row


def _exchange(keyring: Keyring, row: Row, code: SecretStr) -> Steps[TokenSet]:
    organization_id = row["organization_id"]
    client = stored.opened_client(
        keyring, organization_id, row["xero_client_id"], row["xero_client_secret"]
    )
    verifier = None
    if row["code_verifier"] is not None:
        verifier = opened(keyring, row["code_verifier"], place(organization_id, "code_verifier"))
    try:
        answer: TokenSet = yield ExchangeCode(client, code, verifier, row["redirect_uri"])
    except GrantRefused:
        raise AuthorizationRefused(Refusal.CODE_REFUSED) from None
    return answer


def _offer(
    keyring: Keyring, state_hash: bytes, row: Row, tokens: TokenSet, tenants: tuple[Tenant, ...]
) -> Steps[Choice]:
    offered = [
        {"connection_id": str(t.connection_id), "tenant_id": str(t.tenant_id), "name": t.name}
        for t in tenants
    ]

    def keep() -> Steps[None]:
        where = place(row["organization_id"])
        yield from rows(
            _OFFER,
            state_hash=state_hash,
            envelope=(yield from sealed_here(keyring, tokens.to_secret(), where)),
            scope=tokens.scope,
            tenants=json.dumps(offered),
            asked_at=row["asked_at"],
            expires_in=tokens.expires_in,
        )

    yield from as_admin(keep())
    return Choice(state_hash.hex(), tenants)


def _refuse_if(refused: bool, reason: Refusal) -> None:
    if refused:
        raise AuthorizationRefused(reason)


def _taken_apart(url: SecretStr) -> tuple[str, dict[str, SecretStr]]:
    parts = urlsplit(url.get_secret_value())
    query = {name: SecretStr(values[0]) for name, values in parse_qs(parts.query).items()}
    return f"{parts.scheme}://{parts.netloc}{parts.path}", query
