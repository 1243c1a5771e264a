"""The JSON Web Tokens of one local Supabase: its two API keys, and access tokens of its users."""

from __future__ import annotations

import secrets
import time

import jwt

_TEN_YEARS = 10 * 365 * 24 * 3600  # seconds; as long as the keys of `supabase start`
_ONE_HOUR = 3600


def new_jwt_secret() -> str:
    """Return a random secret for HS256, 64 characters."""
    return secrets.token_urlsafe(48)


def api_key(jwt_secret: str, role: str) -> str:
    """Return the key that stands for a role: `anon` or `service_role`."""
    now = int(time.time())
    return jwt.encode(
        {"iss": "supabase-demo", "role": role, "iat": now, "exp": now + _TEN_YEARS},
        jwt_secret,
        algorithm="HS256",
    )


def access_token(jwt_secret: str, sub: str, role: str, claims: dict[str, object]) -> str:
    """Return what Supabase Auth would issue to the user `sub`: valid for an hour."""
    now = int(time.time())
    issued = {"iss": "supabase-demo", "aud": "authenticated", "iat": now, "exp": now + _ONE_HOUR}
    return jwt.encode(issued | {"sub": sub, "role": role} | claims, jwt_secret, algorithm="HS256")
