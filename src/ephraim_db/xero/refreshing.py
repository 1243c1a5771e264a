"""A valid access token, refreshed once however many ask: a lost race would disconnect the customer.

read --fresh--> token
  └--else--> lock, read again --fresh--> token (somebody else refreshed)
                     └--else--> ask Xero --> seal, store, commit --> token
                                  └ no answer: the old refresh token again, in Xero's 30 minutes
                                  └ invalid_grant: read again; believed only of the same generation
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from uuid import UUID

from pydantic import SecretStr

from ephraim_db.database import Result, Steps, rows, together
from ephraim_db.errors import Rejected, SealingError, SupabaseError, Unavailable
from ephraim_db.sealing import Keyring
from ephraim_db.steps import Pause
from ephraim_db.xero import stored as storage
from ephraim_db.xero.calls import GrantRefused, RefreshTokens
from ephraim_db.xero.errors import (
    ClientRefused,
    NotConnected,
    Reason,
    ReauthorizationRequired,
    XeroUnavailable,
)
from ephraim_db.xero.stored import Stored
from ephraim_db.xero.tokens import AccessToken, TokenSet, sealing_key

# Seconds before the old refresh token is tried again. The lock is held meanwhile, so not for long.
_PAUSES = (0.2, 1.0)
_LONGEST_WAIT = 5.0
# Seconds between tries to store an answer of Xero's: a failover takes a while, and leaves the pool
# with connections that are dead.
_OUTAGE = (0.0, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2)
_ROUNDS = 3

_NOTE = """
update public.xero_connections
set last_error = %(error)s, last_error_at = clock_timestamp()
where organization_id = %(organization_id)s and generation = %(generation)s
"""

_NOTE_CLIENT = """
update public.xero_connections as c
set
    last_error = %(error)s, last_error_at = clock_timestamp(),
    refused_secret_hash = sha256(coalesce(%(envelope)s::text, '')::bytea)
where c.organization_id = %(organization_id)s and c.generation = %(generation)s
"""

_REQUIRE = """
update public.xero_connections
set
    status = 'reauth_required', reauth_reason = %(reason)s,
    last_error = %(error)s, last_error_at = clock_timestamp()
where organization_id = %(organization_id)s and generation = %(generation)s
returning generation
"""


@dataclass(slots=True)
class _Attempt:
    """How far a refresh came, for whoever picks up the pieces."""

    stored: Stored | None = None
    answer: TokenSet | None = field(default=None, repr=False)


def token(
    keyring: Keyring, organization_id: UUID, rejected: SecretStr | None = None
) -> Steps[AccessToken]:
    """Return an access token good for a minute at least, and not the one that Xero `rejected`."""
    found = yield from storage.read(organization_id)
    if (ready := _ready(keyring, found, rejected)) is not None:
        return ready
    for _ in range(_ROUNDS):
        attempt = _Attempt()
        try:
            return (yield from _refresh(keyring, organization_id, rejected, attempt))
        except GrantRefused:
            yield from _patiently(partial(_believe, attempt))
        except ClientRefused as error:
            if attempt.stored and not attempt.stored.client_is_refused:
                yield from _note(_NOTE_CLIENT, attempt, error)
            raise
        except XeroUnavailable as error:
            yield from _note(_NOTE, attempt, error)
            raise
        except (SupabaseError, SealingError):
            if attempt.answer is None:
                raise
            again = partial(_store_again, keyring, organization_id, attempt)
            return (yield from _patiently(again))
    raise XeroUnavailable


def _refresh(
    keyring: Keyring, organization_id: UUID, rejected: SecretStr | None, attempt: _Attempt
) -> Steps[AccessToken]:
    def locked() -> Steps[AccessToken | None]:
        held = yield from storage.read_locked(organization_id)
        if (ready := _ready(keyring, held, rejected)) is not None:
            return ready
        attempt.stored = held
        if held.client_is_refused:
            raise ClientRefused
        yield from sealing_key(keyring)  # Xero is asked for nothing that could not be kept
        attempt.answer = yield from _ask(held, keyring)
        return (yield from _kept(keyring, held, attempt.answer))

    return _connected((yield from together(locked())))


def _ask(held: Stored, keyring: Keyring) -> Steps[TokenSet]:
    ask = RefreshTokens(held.client(keyring), held.tokens(keyring).refresh_token)
    answer: TokenSet
    for pause in _PAUSES:
        try:
            answer = yield ask
        except XeroUnavailable as error:
            wait = error.retry_after or pause
            if wait > _LONGEST_WAIT:
                raise
            yield Pause(wait)
        else:
            return answer
    answer = yield ask
    return answer


def _store_again(keyring: Keyring, organization_id: UUID, attempt: _Attempt) -> Steps[AccessToken]:
    # The transaction broke after Xero had answered: nobody else has this answer.
    def locked() -> Steps[AccessToken | None]:
        held = yield from storage.read_locked(organization_id)
        before, answer = attempt.stored, attempt.answer
        if before and answer and held.generation == before.generation:
            return (yield from _kept(keyring, before, answer))
        return _ready(keyring, held, None)

    return _connected((yield from together(locked())))


def _patiently(steps: Callable[[], Steps[Result]]) -> Steps[Result]:
    for seconds in _OUTAGE:
        try:
            return (yield from steps())
        except (Unavailable, Rejected):
            yield Pause(seconds)
    return (yield from steps())


def _kept(keyring: Keyring, held: Stored, answer: TokenSet) -> Steps[AccessToken | None]:
    expires_at = yield from storage.replace(held, answer, keyring)
    if expires_at is None:
        return None
    value = answer.access_token.get_secret_value()
    return AccessToken(held.organization_id, held.tenant_id, expires_at, value)


def _believe(attempt: _Attempt) -> Steps[None]:
    """Require another authorization, unless a newer token set is stored by now."""
    held = attempt.stored
    if held is None or (yield from require(held, Reason.REFRESH_REFUSED)):
        raise ReauthorizationRequired(Reason.REFRESH_REFUSED)


def require(held: Stored, reason: Reason) -> Steps[bool]:
    """Mark that an admin has to connect again; return False if `held` is no longer stored."""
    marked = yield from rows(
        _REQUIRE,
        organization_id=held.organization_id,
        generation=held.generation,
        reason=reason.value,
        error=str(ReauthorizationRequired(reason)),
    )
    return bool(marked)


def _note(sql: str, attempt: _Attempt, error: Exception) -> Steps[None]:
    held = attempt.stored
    if held is None:
        return
    yield from rows(
        sql,
        organization_id=held.organization_id,
        generation=held.generation,
        envelope=held.client_secret,
        error=str(error),
    )


def _ready(keyring: Keyring, held: Stored, rejected: SecretStr | None) -> AccessToken | None:
    if not held.is_fresh:
        return None
    access = held.tokens(keyring).access_token
    if rejected is not None and rejected == access:
        return None
    return AccessToken(
        held.organization_id, held.tenant_id, held.access_expires_at, access.get_secret_value()
    )


def _connected(result: AccessToken | None) -> AccessToken:
    if result is None:
        raise NotConnected
    return result
