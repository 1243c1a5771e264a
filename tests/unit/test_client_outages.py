"""What the client does when Supabase is slow, away, or not what stands at the other end."""

from __future__ import annotations

import asyncio
import itertools
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from uuid import UUID

import httpx
import jwt
import pytest
import supabase

from ephraim_db import AsyncClient, Client
from ephraim_db.errors import ConnectionFailed, TimedOut, Unavailable, UnexpectedAnswer
from ephraim_db.steps import PAUSES

USER = UUID("aaaaaaaa-0000-4000-8000-000000000001")
TOKEN = jwt.encode({"sub": str(USER), "role": "authenticated"}, "k" * 32, "HS256")
HEADERS = {"Authorization": f"Bearer {TOKEN}"}


@dataclass
class Scripted:
    """A server that gives the statuses it was told, the last one again and again."""

    statuses: list[int]
    seen: list[tuple[str, str]] = field(default_factory=list)
    url: str = ""


@contextmanager
def scripted(*statuses: int) -> Iterator[Scripted]:
    script = Scripted(list(statuses))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            script.seen.append((self.command, self.path))
            status = script.statuses.pop(0) if len(script.statuses) > 1 else script.statuses[0]
            self.send_response(status)
            self.send_header("content-length", "2")
            self.send_header("content-range", "0-0/1")
            if status == 307:
                self.send_header("location", "http://127.0.0.1:9/elsewhere")
            self.end_headers()
            self.wfile.write(b"[]")

        do_GET = do_PATCH = answer

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        script.url = f"http://127.0.0.1:{server.server_port}"
        yield script
        server.shutdown()
        thread.join()


@contextmanager
def client_of(url: str, timeout: float = 5) -> Iterator[Client]:
    with httpx.Client() as pool:
        options = supabase.ClientOptions(httpx_client=pool, headers=HEADERS)
        yield Client(supabase.create_client(url, TOKEN, options), timeout=timeout)


@contextmanager
def nobody_listens() -> Iterator[str]:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"


@contextmanager
def nobody_answers() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


def url_of(listening: socket.socket) -> str:
    return f"http://127.0.0.1:{listening.getsockname()[1]}"


def callers_of(listening: socket.socket) -> int:
    """Count who called, and hang up."""
    listening.setblocking(False)
    for count in itertools.count():
        try:
            listening.accept()[0].close()
        except BlockingIOError:
            return count
    raise AssertionError


@pytest.mark.parametrize("status", [429, 503])
def test_a_read_is_tried_again_until_supabase_is_back(status: int) -> None:
    with scripted(status, status, 200) as script, client_of(script.url) as client:
        assert client.list_sms_logs().items == ()
    assert len(script.seen) == 3


def test_a_read_is_tried_three_times_and_no_more() -> None:
    with scripted(503) as script, client_of(script.url) as client:
        began = time.monotonic()
        with pytest.raises(Unavailable, match="try again later"):
            client.list_sms_logs()
        assert time.monotonic() - began >= sum(PAUSES)
    assert len(script.seen) == 3


def test_a_write_is_never_repeated() -> None:
    with scripted(503) as script, client_of(script.url) as client, pytest.raises(Unavailable):
        client.update_sms_preferences(sms_notifications_enabled=False)
    assert [method for method, _ in script.seen] == ["PATCH"]


def test_a_redirect_is_not_followed_with_the_users_token() -> None:
    with (
        scripted(307) as script,
        client_of(script.url) as client,
        pytest.raises(UnexpectedAnswer, match="HTTP 307"),
    ):
        client.list_sms_logs()
    assert len(script.seen) == 1


def test_nobody_listening_is_a_failed_connection() -> None:
    with (
        nobody_listens() as url,
        client_of(url) as client,
        pytest.raises(ConnectionFailed, match="could not be reached"),
    ):
        client.get_organization()


def test_a_silent_server_is_timed_out_once_after_the_timeout() -> None:
    with nobody_answers() as listening, client_of(url_of(listening), timeout=0.2) as client:
        began = time.monotonic()
        with pytest.raises(TimedOut, match="read before trying again"):
            client.get_organization()
        assert time.monotonic() - began >= 0.2
        assert callers_of(listening) == 1


def test_the_async_client_meets_the_same_failures() -> None:
    async def ask(url: str, timeout: float = 5) -> None:
        async with httpx.AsyncClient() as pool:
            options = supabase.AsyncClientOptions(httpx_client=pool, headers=HEADERS)
            inner = await supabase.create_async_client(url, TOKEN, options)
            await AsyncClient(inner, timeout=timeout).list_sms_logs()

    with scripted(503, 502, 200) as script:
        asyncio.run(ask(script.url))
        assert len(script.seen) == 3
    with nobody_listens() as url, pytest.raises(ConnectionFailed):
        asyncio.run(ask(url))
    with nobody_answers() as listening, pytest.raises(TimedOut):
        asyncio.run(ask(url_of(listening), timeout=0.2))


def test_the_async_client_can_be_cancelled_while_it_waits() -> None:
    async def ask(url: str) -> None:
        async with httpx.AsyncClient() as pool:
            options = supabase.AsyncClientOptions(httpx_client=pool, headers=HEADERS)
            inner = await supabase.create_async_client(url, TOKEN, options)
            async with asyncio.timeout(0.2):
                await AsyncClient(inner).get_organization()

    with nobody_answers() as listening, pytest.raises(TimeoutError):
        asyncio.run(ask(url_of(listening)))
