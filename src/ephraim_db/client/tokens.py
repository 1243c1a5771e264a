"""A client for a server: it acts as whoever's access token a request carried."""

from __future__ import annotations

from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx
import supabase

from ephraim_db.client.awaiting import AsyncClient


def client_for_token(
    supabase_url: str, api_key: str, access_token: str, *, http: httpx.AsyncClient
) -> AsyncClient:
    """Return an `AsyncClient` that acts as the token's user. The token is not verified here.

    Making one costs microseconds, so make one per request. They may share `http`, which the caller
    closes; give it no headers of its own and a jar from `no_cookies`.
    """
    options = supabase.AsyncClientOptions(
        headers={"Authorization": f"Bearer {access_token}"},
        auto_refresh_token=False,
        persist_session=False,
        httpx_client=http,
    )
    return AsyncClient(supabase.AsyncClient(supabase_url, api_key, options))


def no_cookies() -> CookieJar:
    """Return a jar that takes none, so that connections shared by users remember nobody."""
    return CookieJar(policy=DefaultCookiePolicy(allowed_domains=[]))
