"""How Twilio's SDK reaches the network: without a line in any log.

SDK --request()--> aiohttp --> api.twilio.com, or a stand-in on loopback

The SDK's own clients log each URL, and so do requests and httpx: the URL of a list names a phone
number. aiohttp, which the SDK brings, logs nothing that is sent.
"""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

import aiohttp
from twilio.http import AsyncHttpClient
from twilio.http.response import Response

# Whatever else goes wrong may have gone wrong after the message was taken.
NEVER_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)

# Seconds. Twilio answers within one; a message whose answer is given up on is looked for later.
TIMEOUT = {"connect": 5.0, "read": 15.0, "pool": 15.0}
_CONNECTIONS = 100
_KEPT_SECONDS = 5  # unused connections, so that none is taken that Twilio has closed
_LOGGER = logging.getLogger(__name__)


class TooManyRequests(Exception):
    """HTTP 429, which the SDK would tell without its Retry-After."""

    def __init__(self, code: int, seconds: float | None) -> None:
        """Keep Twilio's `code` and after how many `seconds` it would be asked again."""
        super().__init__(code)
        self.code = code
        self.seconds = seconds


class Http(AsyncHttpClient):  # type: ignore[misc]  # the SDK ships no types
    """The SDK's HTTP client, for one event loop."""

    def __init__(self, base_url: str | None = None) -> None:
        """Take another address than Twilio's, if any."""
        super().__init__(_LOGGER, is_async=True)
        self._base_url = base_url
        self._session: aiohttp.ClientSession | None = None

    async def request(self, method: str, url: str, **given: Any) -> Response:
        """Perform one request."""
        address, headers, content = _asked(url, self._base_url, given)
        session = self._session = self._session or _session()
        async with session.request(
            method, address, headers=headers, data=content, allow_redirects=False
        ) as response:
            text = (await response.read()).decode("utf-8", "replace")
            return _answered(response.status, text, response.headers)

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()


def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=_CONNECTIONS, keepalive_timeout=_KEPT_SECONDS),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(
            total=None,
            connect=TIMEOUT["pool"],
            sock_connect=TIMEOUT["connect"],
            sock_read=TIMEOUT["read"],
        ),
    )


def _asked(
    url: str, base_url: str | None, given: Mapping[str, Any]
) -> tuple[str, dict[str, str], bytes | None]:
    address, host = _address(url, base_url)
    if given.get("params"):
        address = f"{address}?{urlencode(given['params'], doseq=True)}"
    headers: dict[str, str] = {"Host": host, **(given.get("headers") or {})}
    if given.get("auth"):
        credential = base64.b64encode(":".join(given["auth"]).encode()).decode("ascii")
        headers["Authorization"] = f"Basic {credential}"
    data = given.get("data")
    return address, headers, urlencode(data, doseq=True).encode() if data else None


@lru_cache(maxsize=256)
def _address(url: str, base_url: str | None) -> tuple[str, str]:
    parts = urlsplit(url)
    if base_url is not None:
        base = urlsplit(base_url)
        parts = parts._replace(scheme=base.scheme, netloc=base.netloc)
    return urlunsplit(parts), parts.netloc


def _answered(status: int, text: str, headers: Mapping[str, str]) -> Response:
    if status == 429:
        raise TooManyRequests(_code(text), _seconds(_value(headers, "retry-after")))
    return Response(status, text, headers)


def _value(headers: Mapping[str, str], wanted: str) -> str | None:
    return next((value for name, value in headers.items() if name.lower() == wanted), None)


def _code(text: str) -> int:
    try:
        return int(json.loads(text)["code"])
    except (ValueError, KeyError, TypeError):
        return 20429


def _seconds(retry_after: str | None) -> float | None:
    return float(retry_after) if retry_after and retry_after.isdecimal() else None
