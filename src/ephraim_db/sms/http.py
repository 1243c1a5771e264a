"""How Twilio's SDK reaches the network: httpx, without a line in any log.

SDK --request()--> httpx transport --> api.twilio.com, or a stand-in on loopback

The SDK's own clients and httpx's log each URL, and the URL of a list names a phone number. The
transports below them log nothing that is sent.
"""

from __future__ import annotations

import base64
import json
import logging
from typing import Any

import httpx
from twilio.http import AsyncHttpClient, HttpClient
from twilio.http.response import Response

_LIMITS = httpx.Limits(max_connections=100, max_keepalive_connections=32, keepalive_expiry=5)
# Seconds. Twilio answers within one; a message whose answer is given up on is looked for later.
_TIMEOUT = httpx.Timeout(15, connect=5)
_LOGGER = logging.getLogger(__name__)


class TooManyRequests(Exception):
    """HTTP 429, which the SDK would tell without its Retry-After."""

    def __init__(self, code: int, seconds: float | None) -> None:
        """Keep Twilio's `code` and after how many `seconds` it would be asked again."""
        super().__init__(code)
        self.code = code
        self.seconds = seconds


class Http(HttpClient):  # type: ignore[misc]  # the SDK ships no types
    """The SDK's HTTP client, blocking; threads may share it."""

    def __init__(self, base_url: str | None = None) -> None:
        """Take another address than Twilio's, if any."""
        super().__init__(_LOGGER, is_async=False)
        self._base = httpx.URL(base_url) if base_url else None
        self._transport = httpx.HTTPTransport(limits=_LIMITS)

    def request(self, method: str, url: str, **given: Any) -> Response:
        """Perform one request."""
        response = self._transport.handle_request(_request(method, url, self._base, **given))
        response.read()
        response.close()
        return _response(response)

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()


class AsyncHttp(AsyncHttpClient):  # type: ignore[misc]  # the SDK ships no types
    """The SDK's HTTP client, awaiting."""

    def __init__(self, base_url: str | None = None) -> None:
        """Take another address than Twilio's, if any."""
        super().__init__(_LOGGER, is_async=True)
        self._base = httpx.URL(base_url) if base_url else None
        self._transport = httpx.AsyncHTTPTransport(limits=_LIMITS)

    async def request(self, method: str, url: str, **given: Any) -> Response:
        """Perform one request."""
        response = await self._transport.handle_async_request(
            _request(method, url, self._base, **given)
        )
        await response.aread()
        await response.aclose()
        return _response(response)

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.aclose()


def _request(
    method: str,
    url: str,
    base: httpx.URL | None,
    *,
    params: Any = None,
    data: Any = None,
    headers: dict[str, str] | None = None,
    auth: tuple[str, str] | None = None,
    **_: object,
) -> httpx.Request:
    address = httpx.URL(url)
    if base is not None:
        address = address.copy_with(scheme=base.scheme, netloc=base.netloc)
    request = httpx.Request(
        method,
        address,
        params=params or None,
        data=data,
        headers=headers,
        extensions={"timeout": _TIMEOUT.as_dict()},
    )
    if auth is not None:
        credential = base64.b64encode(":".join(auth).encode()).decode("ascii")
        request.headers["Authorization"] = f"Basic {credential}"
    return request


def _response(response: httpx.Response) -> Response:
    if response.status_code == 429:
        raise TooManyRequests(_code(response), _seconds(response.headers.get("Retry-After")))
    return Response(response.status_code, response.text, response.headers)


def _code(response: httpx.Response) -> int:
    try:
        return int(json.loads(response.text)["code"])
    except (ValueError, KeyError, TypeError):
        return 20429


def _seconds(retry_after: str | None) -> float | None:
    return float(retry_after) if retry_after and retry_after.isdecimal() else None
