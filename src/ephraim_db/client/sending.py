"""What both clients send with every request, and what its failure means."""

from __future__ import annotations

from typing import Any, Final, TypeVar

import httpx
from supabase import AuthError, AuthRetryableError

from ephraim_db.errors import ConnectionFailed, NotSignedIn, SupabaseError, TimedOut

TIMEOUT: Final = 10.0

# The bearer token is in the headers; an answer from elsewhere is none of PostgREST's.
OPTIONS: Final[dict[str, Any]] = {"auth": None, "follow_redirects": False}

Answer = TypeVar("Answer")


def explain(error: Exception) -> SupabaseError:
    """Return our error for httpx's or supabase-auth's, which hold the request."""
    match error:
        case httpx.ConnectTimeout() | httpx.PoolTimeout():
            return ConnectionFailed()
        case httpx.TimeoutException():
            return TimedOut()
        case AuthError() if not isinstance(error, AuthRetryableError):
            return NotSignedIn()
        case _:
            return ConnectionFailed()


def raised(answer: Answer | SupabaseError) -> Answer:
    """Raise here, outside of any `except`: the cause holds the request, and its token."""
    if isinstance(answer, SupabaseError):
        raise answer
    return answer
