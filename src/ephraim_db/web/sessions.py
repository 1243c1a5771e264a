"""Who is asking: a Supabase access token, from the header or the cookie, and verified.

Authorization, else sb-<ref>-auth-token --> signature, audience, issuer, expiry --> Session
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from uuid import UUID

import jwt
from starlette.requests import Request

from ephraim_db.web.cookies import read_access_token
from ephraim_db.web.refusals import SessionEnded, SignedOut
from ephraim_db.web.verifying import AUDIENCE, LEEWAY, TokenKeys

_LONGEST_TOKEN = 16_384  # characters
_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in user, and the token to act as them with."""

    user: UUID
    access_token: str = field(repr=False)


async def read_session(request: Request, keys: TokenKeys, issuer: str, cookie: str) -> Session:
    """Return the verified session; `SessionEnded` if it expired, `SignedOut` if there is none."""
    token = _bearer(request) or read_access_token(request.cookies, cookie)
    if not token or len(token) > _LONGEST_TOKEN:
        raise SignedOut
    try:
        key, algorithms = await keys.find(token)
        claims = jwt.decode(
            token,
            key,
            algorithms=algorithms,
            audience=AUDIENCE,
            issuer=issuer,
            leeway=LEEWAY,
            options={"require": ["exp", "sub", "aud", "iss"]},
        )
        user = UUID(claims["sub"])
    except jwt.ExpiredSignatureError:
        raise SessionEnded from None
    except jwt.ImmatureSignatureError:  # nobody gets in, and nobody would know why
        _LOGGER.warning("a session was issued in the future: is the clock of this machine behind?")
        raise SignedOut from None
    except (jwt.PyJWTError, ValueError):
        raise SignedOut from None
    if claims.get("role") != "authenticated":
        raise SignedOut
    return Session(user, token)


def _bearer(request: Request) -> str | None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None
