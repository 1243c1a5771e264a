"""What surrounds every answer: security headers, bounded bodies, and a log line that says little.

request --> Shield (size, headers, log, the page for what nobody foresaw) --> pages
"""

from __future__ import annotations

import logging
import traceback
from time import perf_counter

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ephraim_db.web.refusals import TooLarge
from ephraim_db.web.refusing import refused

LARGEST_BODY = 32_768  # bytes; the largest form has a secret of at most some thousand
_logger = logging.getLogger("ephraim_db.web")


class Shield:
    """ASGI middleware around every page.

    The log line holds the method, the path without its query, the status and the time. Never a
    query (Xero's answer comes in one), a header or a body. Of an error that nobody foresaw it holds
    the type and where it was raised, not its message.
    """

    def __init__(self, app: ASGIApp, *, secure: bool, form_targets: tuple[str, ...]) -> None:
        """Take the app; `secure` adds HSTS; `form_targets` are origins that forms may lead to."""
        self._app = app
        self._headers = {
            "Content-Security-Policy": "; ".join(
                (
                    "default-src 'none'",
                    "style-src 'self'",
                    "img-src 'self'",
                    " ".join(("form-action 'self'", *form_targets)),
                    "frame-ancestors 'none'",
                    "base-uri 'none'",
                )
            ),
            "Cache-Control": "no-store",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
        }
        if secure:
            self._headers["Strict-Transport-Security"] = "max-age=31536000"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, outside = perf_counter(), scope.get("endpoint")
        status = 0

        async def send_shielded(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            await self._app(scope, _bounded(receive), send_shielded)
        except Exception as error:
            _logger.error("%s at %s", type(error).__name__, _place(error))
            if status:  # half an answer is out: the client must not take it for a whole one
                raise
            await refused(Request(scope), error)(scope, receive, send_shielded)
        finally:
            # A path that no route knows may hold anything, so it is not repeated.
            path = scope["path"] if scope.get("endpoint") is not outside else "-"
            milliseconds = (perf_counter() - started) * 1000
            _logger.info("%s %s %d %.1f ms", scope["method"], path, status, milliseconds)


def _place(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return " <- ".join(f"{frame.filename}:{frame.lineno}" for frame in reversed(frames[-4:]))


def _bounded(receive: Receive) -> Receive:
    size = 0

    async def receive_bounded() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > LARGEST_BODY:
            raise TooLarge
        return message

    return receive_bounded
