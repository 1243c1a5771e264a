"""Forms that only our own pages can send: where the request came from, and a token it carries.

Sec-Fetch-Site or Origin says ours, and form_token says: made here, for this user, not long ago
"""

from __future__ import annotations

import time
from uuid import UUID

import jwt
from starlette.requests import Request

from ephraim_db.web.refusals import ForgedForm

FIELD = "form_token"
_LIFETIME = 24 * 3600  # seconds that a form may stay open
_AUDIENCE = "ephraim_db form"
_ALGORITHM = "HS256"


def make_form_token(user: UUID, key: bytes) -> str:
    """Return the text that a form for `user` carries; `key` is at least 32 bytes."""
    expires = int(time.time()) + _LIFETIME
    claims = {"sub": str(user), "aud": _AUDIENCE, "exp": expires}
    return jwt.encode(claims, key, algorithm=_ALGORITHM)


def check_form_token(token: str, user: UUID, key: bytes) -> None:
    """Raise `ForgedForm` unless the token was made here for `user` and is not too old."""
    try:
        jwt.decode(
            token,
            key,
            algorithms=[_ALGORITHM],
            audience=_AUDIENCE,
            subject=str(user),
            options={"require": ["exp", "sub", "aud"]},
        )
    except jwt.PyJWTError:
        raise ForgedForm from None


def check_origin(request: Request, own_origin: str) -> None:
    """Raise `ForgedForm` unless the browser says that a page of `own_origin` sent the request.

    Sec-Fetch-Site decides where it is there: a page without a referrer sends `Origin: null`. An
    Origin that names another site is refused all the same. With neither header, refused.
    """
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if site is not None and site != "same-origin":
        raise ForgedForm
    if origin not in (None, "null", own_origin):
        raise ForgedForm
    if site is None and origin != own_origin:
        raise ForgedForm
