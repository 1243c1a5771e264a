"""The one URL: takes requests as Supabase's gateway does and hands them to PostgREST unchanged.

It adds no privilege. Without an API key nothing passes. Without an Authorization header the key
that the caller showed is also the authorization, as on Supabase; with one, it only opens the door.
"""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpcore
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
_PREFIX = b"/rest/v1"
# RFC 9110, 7.6.1: these are about one connection, not about the message.
_HOP_BY_HOP = {b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"upgrade"}


def build_gateway(socket: Path, keys: tuple[str, ...]) -> Starlette:
    """Return the ASGI application that stands before the PostgREST listening on `socket`."""
    pool = httpcore.AsyncConnectionPool(
        uds=str(socket), max_connections=100, max_keepalive_connections=20, keepalive_expiry=10
    )

    async def rest(request: Request) -> Response:
        key = request.headers.get("apikey") or request.query_params.get("apikey")
        refusal = None if _is_preflight(request) else _refuse(key, keys)
        if refusal:
            return refusal
        try:
            return _Answer(await pool.handle_async_request(_forward(request, key)))
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException):
            return JSONResponse({"message": "PostgREST does not answer"}, status_code=502)
        except ClientDisconnect:
            return Response(status_code=400)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await pool.aclose()

    return Starlette(
        routes=[Route("/rest/v1/{path:path}", rest, methods=_METHODS)],
        exception_handlers={404: _no_route},
        lifespan=lifespan,
    )


class _Answer(Response):
    """PostgREST's answer on its way to the client; its connection is free again afterwards."""

    def __init__(self, answer: httpcore.Response) -> None:
        left_out = _HOP_BY_HOP | {b"transfer-encoding"}
        headers = ((name.lower(), value) for name, value in answer.headers)
        self.status_code = answer.status
        self.raw_headers = [header for header in headers if header[0] not in left_out]
        self.background = None
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        start = {"status": self.status_code, "headers": self.raw_headers}
        try:
            await send({"type": "http.response.start", **start})
            async for chunk in self._answer.aiter_stream():
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body"})
        finally:
            await self._answer.aclose()


def _is_preflight(request: Request) -> bool:
    """Whether a browser asks what it may send; it shows no key then, and PostgREST answers it."""
    asked = {"origin", "access-control-request-method"}
    return request.method == "OPTIONS" and asked <= set(request.headers)


def _refuse(key: str | None, keys: tuple[str, ...]) -> Response | None:
    """Answer as Supabase's gateway does to a missing or unknown key; None for a good one."""
    if not key:
        return JSONResponse(
            {
                "message": "No API key found in request",
                "hint": "No `apikey` request header or url param was found.",
            },
            status_code=401,
        )
    if not any(hmac.compare_digest(key.encode(), known.encode()) for known in keys):
        return JSONResponse(
            {
                "message": "Invalid API key",
                "hint": "Double check your Supabase `anon` or `service_role` API key.",
            },
            status_code=401,
        )
    return None


def _forward(request: Request, key: str | None) -> httpcore.Request:
    """Return the same request for PostgREST: same bytes of path, query, headers and body."""
    raw_path: bytes = request.scope["raw_path"]
    query: bytes = request.scope["query_string"]
    kept = b"&".join(part for part in query.split(b"&") if not part.startswith(b"apikey="))
    target = (raw_path.removeprefix(_PREFIX) or b"/") + (b"?" + kept if kept else b"")
    headers = [(name, value) for name, value in request.headers.raw if name not in _HOP_BY_HOP]
    names = {name for name, _ in headers}
    if request.method == "HEAD":  # after which PostgREST hangs up, without saying that it will
        headers.append((b"connection", b"close"))
    if key and b"authorization" not in names:
        headers.append((b"authorization", b"Bearer " + key.encode()))
    has_body = b"content-length" in names or b"transfer-encoding" in names
    url = httpcore.URL(scheme=b"http", host=b"localhost", port=80, target=target)
    return httpcore.Request(
        request.method, url, headers=headers, content=request.stream() if has_body else None
    )


async def _no_route(request: Request, _: Exception) -> Response:
    return JSONResponse(
        {
            "message": f"no Route matched with {request.url.path}",
            "hint": "This local Supabase serves /rest/v1 only: no Auth, Storage or Realtime.",
        },
        status_code=404,
    )
