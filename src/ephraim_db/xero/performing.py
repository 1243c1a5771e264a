"""Performs the calls with Authlib's OAuth 2.0 client, blocking or awaiting.

An error is returned from where the tokens are, and raised where no frame holds one.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import AsyncOAuth2Client, OAuth2Client

from ephraim_db.errors import XeroError
from ephraim_db.steps import Pause
from ephraim_db.xero import wire
from ephraim_db.xero.app import App
from ephraim_db.xero.calls import Call
from ephraim_db.xero.errors import XeroUnavailable


def blocking(app: App) -> Callable[[object], object]:
    """Return what performs a `Call` or a `Pause`, blocking."""

    def perform(step: Any) -> object:
        if isinstance(step, Pause):
            time.sleep(step.seconds)
            return None
        return _or_raise(_attempt(step, app))

    return perform


def awaiting(app: App) -> Callable[[object], Awaitable[object]]:
    """Return what performs a `Call` or a `Pause`, awaiting."""

    async def perform(step: Any) -> object:
        if isinstance(step, Pause):
            await asyncio.sleep(step.seconds)
            return None
        return _or_raise(await _attempt_async(step, app))

    return perform


def _attempt(call: Call, app: App) -> object:
    try:
        with OAuth2Client(**wire.arguments(call, app)) as client:
            _tell_failures_apart(client)
            return wire.read(call, wire.send(call, client, app))
    except (httpx2.HTTPError, AuthlibBaseError, ValueError) as error:
        return _meaning(error)


async def _attempt_async(call: Call, app: App) -> object:
    try:
        async with AsyncOAuth2Client(**wire.arguments(call, app)) as client:
            _tell_failures_apart(client)
            return wire.read(call, await wire.send(call, client, app))
    except (httpx2.HTTPError, AuthlibBaseError, ValueError) as error:
        return _meaning(error)


def _tell_failures_apart(client: Any) -> None:
    # Else Authlib takes the JSON of a 429 for a token.
    for hook in ("access_token_response", "refresh_token_response"):
        client.register_compliance_hook(hook, _raise_unless_oauth)


def _raise_unless_oauth(response: httpx2.Response) -> httpx2.Response:
    if response.status_code not in {200, 400, 401}:
        response.raise_for_status()
    return response


def _meaning(error: Exception) -> XeroError:
    if isinstance(error, AuthlibBaseError):
        return wire.failure(None, error.error, None)
    if isinstance(error, httpx2.HTTPStatusError):
        answer = error.response
        return wire.failure(answer.status_code, None, answer.headers.get("Retry-After"))
    return XeroUnavailable()


def _or_raise(answer: object) -> object:
    if isinstance(answer, XeroError):
        raise answer
    return answer
