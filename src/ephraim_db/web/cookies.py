"""The access token in the cookie that Supabase's server-side helpers set.

sb-<ref>-auth-token, or its chunks .0 .1 --> base64-<base64url of JSON>, or JSON --> access_token
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from urllib.parse import unquote, urlsplit

_MOST_CHUNKS = 16  # of 3180 characters each: far beyond any session
_BASE64 = "base64-"


def cookie_name(supabase_url: str) -> str:
    """Return the cookie's name as supabase-js derives it: from the first label of the host."""
    host = urlsplit(supabase_url).hostname or ""
    return f"sb-{host.partition('.')[0]}-auth-token"


def read_access_token(cookies: Mapping[str, str], name: str) -> str | None:
    """Return the access token, or None if the cookie is not there or holds no session."""
    whole = cookies.get(name) or "".join(_chunks(cookies, name))
    try:
        session = json.loads(_decoded(unquote(whole)))
    except (ValueError, binascii.Error, RecursionError):
        return None
    token = session.get("access_token") if isinstance(session, dict) else None
    return token if isinstance(token, str) else None


def session_cookie(access_token: str) -> str:
    """Return the value of the cookie for a session that holds only an access token."""
    session = json.dumps({"access_token": access_token, "token_type": "bearer"}).encode()
    return _BASE64 + base64.urlsafe_b64encode(session).decode().rstrip("=")


def _chunks(cookies: Mapping[str, str], name: str) -> Iterator[str]:
    for number in range(_MOST_CHUNKS):
        chunk = cookies.get(f"{name}.{number}")
        if chunk is None:
            return
        yield chunk


def _decoded(value: str) -> str:
    if not value.startswith(_BASE64):
        return value
    encoded = value.removeprefix(_BASE64)
    return base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
