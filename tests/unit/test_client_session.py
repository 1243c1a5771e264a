"""A user who signed in through Supabase Auth stays signed in: a session that is over is renewed."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import UUID

import httpx
import jwt
import pytest
import supabase

from ephraim_db import Client, NotSignedIn
from ephraim_db.errors import ConnectionFailed

USER = UUID("aaaaaaaa-0000-4000-8000-000000000001")
ANON = jwt.encode({"role": "anon"}, "k" * 32, "HS256")


def token(turn: int) -> str:
    return jwt.encode({"sub": str(USER), "role": "authenticated", "turn": turn}, "k" * 32, "HS256")


@dataclass
class Auth:
    """What Supabase Auth and PostgREST were asked, and how the next renewal goes."""

    url: str = ""
    renewal: int = 200
    turn: int = 0
    bearers: list[str] = field(default_factory=list)

    def session(self, expires_in: int) -> dict[str, Any]:
        self.turn += 1
        return {
            "access_token": token(self.turn),
            "refresh_token": f"refresh-{self.turn}",
            "token_type": "bearer",
            "expires_in": expires_in,
            "user": {
                "id": str(USER),
                "aud": "authenticated",
                "app_metadata": {},
                "user_metadata": {},
                "created_at": "2026-01-27T00:00:00Z",
            },
        }


@contextmanager
def served() -> Iterator[Auth]:
    auth = Auth()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            if "grant_type=password" in self.path:
                self.say(200, auth.session(expires_in=1))  # over at once: renewed 10 s before
            elif auth.renewal == 200:
                self.say(200, auth.session(expires_in=3600))
            else:
                self.say(auth.renewal, {"code": "refresh_token_not_found", "message": "canary"})

        def do_GET(self) -> None:
            auth.bearers.append(self.headers["authorization"])
            self.say(200, [])

        def say(self, status: int, body: object) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        auth.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield auth
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def signed_in(auth: Auth) -> Iterator[supabase.Client]:
    with httpx.Client() as pool:
        options = supabase.ClientOptions(httpx_client=pool, auto_refresh_token=False)
        client = supabase.create_client(auth.url, ANON, options)
        client.auth.sign_in_with_password({"email": "ada@example.com", "password": "local-only"})
        yield client


def test_a_session_that_is_over_is_renewed_and_the_new_token_sent() -> None:
    with served() as auth, signed_in(auth) as client:
        Client(client).list_sms_logs()
        Client(client).list_sms_logs()
    assert auth.bearers == [f"Bearer {token(2)}"] * 2


def test_a_session_that_cannot_be_renewed_is_told_and_nothing_is_sent() -> None:
    with served() as auth, signed_in(auth) as client:
        auth.renewal = 400
        with pytest.raises(NotSignedIn) as caught:
            Client(client).list_sms_logs()
    assert "canary" not in str(caught.value)
    assert caught.value.__context__ is None
    assert auth.bearers == []


def test_auth_being_away_is_no_sign_out() -> None:
    with served() as auth, signed_in(auth) as client:
        auth.renewal = 503
        with pytest.raises(ConnectionFailed):
            Client(client).list_sms_logs()
        auth.renewal = 200
        assert Client(client).list_sms_logs().items == ()


def test_signing_out_ends_it() -> None:
    with served() as auth, signed_in(auth) as client:
        Client(client).list_sms_logs()
        client.auth.sign_out({"scope": "local"})
        with pytest.raises(NotSignedIn):
            Client(client).list_sms_logs()
