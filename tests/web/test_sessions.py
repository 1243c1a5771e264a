"""Who is let in: access tokens, where they are found, and what makes one invalid."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import time
from typing import Any
from uuid import UUID

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from starlette.requests import Request

from ephraim_db.web.cookies import cookie_name, read_access_token
from ephraim_db.web.refusals import SessionEnded, SignedOut
from ephraim_db.web.sessions import Session, read_session
from ephraim_db.web.verifying import PublishedKeys, SharedSecret, TokenKeys

SUB = "a0000000-0000-4000-8000-000000000101"
ISSUER = "https://project.supabase.co/auth/v1"
SECRET = "s" * 64
COOKIE = "sb-project-auth-token"


def claims(**changed: Any) -> dict[str, Any]:
    given = {
        "sub": SUB,
        "aud": "authenticated",
        "iss": ISSUER,
        "role": "authenticated",
        "exp": int(time.time()) + 60,
        **changed,
    }
    return {name: value for name, value in given.items() if value is not None}


def token(
    key: Any = SECRET, algorithm: str = "HS256", kid: str | None = None, **changed: Any
) -> str:
    headers = {"kid": kid} if kid else None
    return jwt.encode(claims(**changed), key, algorithm=algorithm, headers=headers)


def session(
    keys: TokenKeys, bearer: str | None = None, cookie: dict[str, str] | None = None
) -> Session:
    headers = [(b"authorization", f"Bearer {bearer}".encode())] if bearer else []
    if cookie:
        text = "; ".join(f"{name}={value}" for name, value in cookie.items())
        headers.append((b"cookie", text.encode()))
    request = Request({"type": "http", "headers": headers})
    return asyncio.run(read_session(request, keys, ISSUER, COOKIE))


def test_a_token_in_the_header_is_a_session() -> None:
    assert session(SharedSecret(SECRET), token()).user == UUID(SUB)


def test_no_token_is_no_session() -> None:
    with pytest.raises(SignedOut):
        session(SharedSecret(SECRET))


def test_an_expired_token_is_told_apart() -> None:
    with pytest.raises(SessionEnded):
        session(SharedSecret(SECRET), token(exp=int(time.time()) - 60))


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": "somebody"},
        {"iss": "https://other.supabase.co/auth/v1"},
        {"exp": None},
        {"sub": None},
        {"sub": "not a uuid"},
        {"role": "service_role"},
        {"role": "anon"},
        {"role": None},
        {"nbf": 4_102_444_800},
    ],
    ids=str,
)
def test_a_token_that_says_anything_else_is_no_session(changed: dict[str, Any]) -> None:
    with pytest.raises(SignedOut) as refused:
        session(SharedSecret(SECRET), token(**changed))
    assert not isinstance(refused.value, SessionEnded)


@pytest.mark.parametrize(
    "forged",
    [
        token("x" * 48),
        jwt.encode(claims(), "", algorithm="none"),
        token(algorithm="HS512"),
        "not.a.token",
        "a" * 20_000,
        token()[:-2],
    ],
    ids=["another secret", "alg none", "another algorithm", "no token", "too long", "cut short"],
)
def test_a_forged_token_is_no_session(forged: str) -> None:
    with pytest.raises(SignedOut):
        session(SharedSecret(SECRET), forged)


def test_the_errors_and_the_session_do_not_repeat_the_token() -> None:
    good, bad = token(), token("x" * 48)
    assert good not in repr(session(SharedSecret(SECRET), good))
    with pytest.raises(SignedOut) as refused:
        session(SharedSecret(SECRET), bad)
    assert bad not in repr(refused.value) + str(refused.value)
    assert refused.value.__cause__ is None


def as_base64(value: str) -> str:
    return "base64-" + base64.urlsafe_b64encode(value.encode()).decode().rstrip("=")


def test_every_form_of_supabases_cookie_is_read() -> None:
    stored = json.dumps({"access_token": token(), "refresh_token": "r", "user": {"name": "Zoë"}})
    encoded = as_base64(stored)
    pieces = [encoded[start : start + 100] for start in range(0, len(encoded), 100)]
    chunks = {f"{COOKIE}.{number}": piece for number, piece in enumerate(pieces)}
    percent = {COOKIE: stored.replace("%", "%25").replace('"', "%22").replace(",", "%2C")}
    for cookie in ({COOKIE: encoded}, chunks, percent):
        assert session(SharedSecret(SECRET), cookie=cookie).user == UUID(SUB)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "base64-",
        "base64-!!!!",
        "base64-" + "A" * 9,
        as_base64("[]"),
        as_base64("{}"),
        "[" * 9000,
        as_base64('{"access_token": 5}'),
        as_base64("\x00"),
        "base64-_w",
    ],
)
def test_a_broken_cookie_is_no_session(value: str) -> None:
    assert read_access_token({COOKIE: value}, COOKIE) is None


def test_another_projects_cookie_is_not_read() -> None:
    assert read_access_token({"sb-other-auth-token": as_base64("{}")}, COOKIE) is None
    assert cookie_name("https://project.supabase.co") == COOKIE
    assert cookie_name("http://127.0.0.1:54321") == "sb-127-auth-token"


class Published:
    """What a project publishes, and how often it was asked."""

    def __init__(self) -> None:
        self.keys: list[dict[str, Any]] = []
        self.asked = 0
        self.down = False

    def publish(self, kid: str, key: Any, algorithm: str) -> None:
        to_jwk = ECAlgorithm.to_jwk if algorithm == "ES256" else RSAAlgorithm.to_jwk
        as_jwk = json.loads(to_jwk(key.public_key()))
        self.keys.append({**as_jwk, "kid": kid, "alg": algorithm, "use": "sig"})

    def answer(self, request: httpx.Request) -> httpx.Response:
        assert request.url.path == "/auth/v1/.well-known/jwks.json"
        self.asked += 1
        return httpx.Response(503) if self.down else httpx.Response(200, json={"keys": self.keys})

    def finder(self) -> PublishedKeys:
        http = httpx.AsyncClient(transport=httpx.MockTransport(self.answer))
        return PublishedKeys("https://project.supabase.co", http=http)


EC, RSA = ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 2048)


def test_published_keys_verify_es256_and_rs256_and_are_fetched_once() -> None:
    published = Published()
    published.publish("one", EC, "ES256")
    published.publish("two", RSA, "RS256")
    keys = published.finder()
    for _ in range(3):
        assert session(keys, token(EC, "ES256", "one")).user == UUID(SUB)
        assert session(keys, token(RSA, "RS256", "two")).user == UUID(SUB)
    assert published.asked == 1


def test_a_rotation_needs_no_restart(monkeypatch: pytest.MonkeyPatch) -> None:
    published, now = Published(), [1000.0]
    monkeypatch.setattr("ephraim_db.web.verifying.monotonic", lambda: now[0])
    published.publish("old", RSA, "RS256")
    keys = published.finder()
    session(keys, token(RSA, "RS256", "old"))

    published.publish("new", EC, "ES256")
    now[0] += 31
    assert session(keys, token(EC, "ES256", "new")).user == UUID(SUB)
    assert published.asked == 2


def test_made_up_key_names_are_no_flood() -> None:
    published = Published()
    published.publish("one", EC, "ES256")
    keys = published.finder()
    for number in range(20):
        with pytest.raises(SignedOut):
            session(keys, token(EC, "ES256", f"made up {number}"))
    assert published.asked == 1


def test_known_keys_serve_on_while_supabase_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    published, now = Published(), [1000.0]
    monkeypatch.setattr("ephraim_db.web.verifying.monotonic", lambda: now[0])
    published.publish("one", EC, "ES256")
    keys = published.finder()
    session(keys, token(EC, "ES256", "one"))
    published.down, now[0] = True, now[0] + 7200
    assert session(keys, token(EC, "ES256", "one")).user == UUID(SUB)


def test_a_public_key_is_no_shared_secret() -> None:
    published = Published()
    published.publish("one", EC, "ES256")
    keys = published.finder()
    public = EC.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    unsigned = token(SECRET, "HS256", "one").rpartition(".")[0]
    digest = hmac.digest(public, unsigned.encode(), "sha256")
    with_public_key = f"{unsigned}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"
    for forged in (with_public_key, token(SECRET, "HS256", "one"), token(SECRET)):
        with pytest.raises(SignedOut):
            session(keys, forged)
