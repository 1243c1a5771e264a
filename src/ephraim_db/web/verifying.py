"""Which keys an access token may be signed with: Supabase's published ones, or the legacy secret.

token's kid --> keys at hand, or fetched anew if it is unknown (rotation) --> PyJWT --> claims
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Protocol

import httpx
import jwt

AUDIENCE = "authenticated"
LEEWAY = 10.0  # seconds that clocks may differ
_FRESH = 600.0  # seconds; Supabase's own caches hold its keys as long
_PAUSE = 30.0  # seconds between two fetches, so that made-up kids do not become a flood
_TIMEOUT = 5.0


class TokenKeys(Protocol):
    """Finds the key to verify a token with, and the algorithms that go with it."""

    async def find(self, token: str) -> tuple[Any, list[str]]:
        """Return key and algorithms; `jwt.PyJWTError` if there is none for this token."""


@dataclass(frozen=True, slots=True)
class SharedSecret:
    """The legacy secret (HS256), as projects made before asymmetric keys have it."""

    secret: str = field(repr=False)

    async def find(self, token: str) -> tuple[Any, list[str]]:
        """Return the secret."""
        return self.secret, ["HS256"]


class PublishedKeys:
    """The project's signing keys (ES256 or RS256), fetched from where it publishes them.

    They are kept for ten minutes. A token signed with a key that is not among them has them
    fetched anew, at most every 30 seconds, so a rotation needs no restart. While Supabase does
    not answer, the keys at hand go on serving.
    """

    def __init__(self, supabase_url: str, *, http: httpx.AsyncClient | None = None) -> None:
        """Fetch from `<supabase_url>/auth/v1/.well-known/jwks.json`, with `http` if given."""
        self._url = f"{supabase_url.rstrip('/')}/auth/v1/.well-known/jwks.json"
        self._http = http
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched = self._tried = float("-inf")
        self._lock = asyncio.Lock()

    async def find(self, token: str) -> tuple[Any, list[str]]:
        """Return the key that the token's `kid` names."""
        kid = jwt.get_unverified_header(token).get("kid")
        if not isinstance(kid, str):
            raise jwt.InvalidKeyError("the token names no key")
        if self._wanting(kid):
            async with self._lock:
                if self._wanting(kid):
                    await self._fetch()
        try:
            key = self._keys[kid]
        except KeyError:
            raise jwt.InvalidKeyError("the token names a key that is not published") from None
        return key.key, [key.algorithm_name]

    def _wanting(self, kid: str) -> bool:
        now = monotonic()
        outdated = kid not in self._keys or now - self._fetched > _FRESH
        return outdated and now - self._tried > _PAUSE

    async def _fetch(self) -> None:
        self._tried = monotonic()
        try:
            if self._http is not None:
                answer = await self._http.get(self._url, timeout=_TIMEOUT)
            else:
                async with httpx.AsyncClient() as http:
                    answer = await http.get(self._url, timeout=_TIMEOUT)
            answer.raise_for_status()
            published = jwt.PyJWKSet.from_dict(answer.json()).keys
        except (httpx.HTTPError, ValueError, jwt.PyJWTError):
            return  # the keys at hand stay
        self._keys = {
            key.key_id: key
            for key in published
            if key.key_id and key.algorithm_name in ("ES256", "RS256")
        }
        self._fetched = self._tried
