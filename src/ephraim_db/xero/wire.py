"""What a call looks like to Authlib's client, and what Xero's answer means. No I/O.

call --send--> Authlib's token or a response (of its async client: an awaitable)
     <--read-- the answer, or the error to raise where no frame holds a token
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from pydantic import SecretStr

from ephraim_db.errors import XeroError
from ephraim_db.xero.app import App
from ephraim_db.xero.calls import (
    Call,
    ExchangeCode,
    GrantRefused,
    ListConnections,
    RefreshTokens,
    RemoveConnection,
    RevokeTokens,
    Tenant,
    TokenRefused,
)
from ephraim_db.xero.errors import ClientRefused, XeroUnavailable
from ephraim_db.xero.tokens import TokenSet


def arguments(call: Call, app: App) -> dict[str, Any]:
    """Return what Authlib's client is made with."""
    if isinstance(call, ListConnections | RemoveConnection):
        bearer = {"access_token": _shown(call.access_token), "token_type": "Bearer"}
        return {"token": bearer, "timeout": app.timeout}
    secret = call.client.secret
    return {
        "client_id": call.client.client_id,
        "client_secret": None if secret is None else _shown(secret),
        "timeout": app.timeout,
    }


def send(call: Call, client: Any, app: App) -> Any:
    """Have Authlib's client do it."""
    at = app.endpoints
    match call:
        case ExchangeCode(code=code, verifier=verifier, redirect_uri=redirect_uri):
            proof = {} if verifier is None else {"code_verifier": _shown(verifier)}
            return client.fetch_token(
                at.token, code=_shown(code), redirect_uri=redirect_uri, **proof
            )
        case RefreshTokens(refresh_token=token):
            return client.refresh_token(at.token, refresh_token=_shown(token))
        case RevokeTokens(refresh_token=token):
            return client.revoke_token(at.revocation, token=_shown(token))
        case ListConnections():
            return client.get(at.connections)
        case RemoveConnection(connection_id=connection_id):
            return client.delete(f"{at.connections}/{connection_id}")


def read(call: Call, answer: Any) -> TokenSet | tuple[Tenant, ...] | XeroError | None:
    """Return what the answer means."""
    match call:
        case ExchangeCode() | RefreshTokens():
            return TokenSet.from_answer(answer)
        case RevokeTokens():
            return None if answer.status_code == 200 else _refused_revocation(answer)
        case ListConnections():
            return _tenants(answer) if answer.status_code == 200 else _refused(answer)
        case RemoveConnection():
            return None if answer.status_code in {200, 204, 404} else _refused(answer)


def failure(status: int | None, error: str | None, retry_after: str | None) -> XeroError:
    """Return what a refusal means: its HTTP status, OAuth's error code, its Retry-After."""
    if error == "invalid_grant":
        return GrantRefused()
    if error in {"invalid_client", "unauthorized_client"} or status == 401:
        return ClientRefused()
    is_number = retry_after is not None and retry_after.isdecimal()
    return XeroUnavailable(float(retry_after or 0) if is_number else None)


def _refused(answer: Any) -> XeroError:
    if answer.status_code == 401:
        return TokenRefused()
    return failure(answer.status_code, None, answer.headers.get("Retry-After"))


def _refused_revocation(answer: Any) -> XeroError:
    error = "invalid_client" if "_client" in answer.text else None  # RFC 7009, section 2.2.1
    return failure(answer.status_code, error, answer.headers.get("Retry-After"))


def _tenants(answer: Any) -> tuple[Tenant, ...] | XeroError:
    try:
        return tuple(
            Tenant(UUID(row["id"]), UUID(row["tenantId"]), str(row["tenantName"]))
            for row in answer.json()
            if row.get("tenantType") == "ORGANISATION"
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        return XeroUnavailable()


def _shown(secret: SecretStr) -> str:
    return secret.get_secret_value()
