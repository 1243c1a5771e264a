"""Whom a request acts as, read from the bearer token it carries.

The signature is not verified: nothing is decided here. The database decides, on a verified token.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any
from uuid import UUID

from ephraim_db.errors import NotSignedIn, ServiceKeyRefused, SupabaseError


def identify(authorization: str) -> UUID | SupabaseError:
    """Return the user's id, or the error to raise where no frame holds the token."""
    token = authorization.partition(" ")[2]
    claims = _claims(token)
    if claims.get("role") == "service_role" or token.startswith("sb_secret_"):
        return ServiceKeyRefused()
    try:
        return UUID(claims.get("sub"))
    except (TypeError, ValueError, AttributeError):
        return NotSignedIn()


def _claims(token: str) -> dict[str, Any]:
    parts = token.split(".")
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=="))
    except (IndexError, binascii.Error, ValueError):
        return {}
    return claims if isinstance(claims, dict) else {}
