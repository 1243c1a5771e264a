"""Forms from elsewhere are refused: by where they came from, and by the token they carry."""

from __future__ import annotations

import time
from uuid import UUID

import jwt
import pytest
from starlette.requests import Request

from ephraim_db.web.forgery import check_form_token, check_origin, make_form_token
from ephraim_db.web.refusals import ForgedForm

OWN = "https://app.example.com"
KEY = b"k" * 32
ADA, WILL = UUID(int=1), UUID(int=2)


def check(**headers: str) -> None:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    check_origin(Request({"type": "http", "headers": raw}), OWN)


@pytest.mark.parametrize(
    "headers",
    [
        {"sec_fetch_site": "same-origin"},
        {"sec_fetch_site": "same-origin", "origin": "null"},
        {"sec_fetch_site": "same-origin", "origin": OWN},
        {"origin": OWN},
    ],
    ids=str,
)
def test_our_own_pages_may_post(headers: dict[str, str]) -> None:
    check(**headers)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "null"},
        {"origin": "https://evil.example"},
        {"origin": "http://app.example.com"},
        {"origin": OWN + ":444"},
        {"origin": OWN + ".evil.example"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"sec_fetch_site": "none"},
        {"sec_fetch_site": "cross-site", "origin": OWN},
        {"sec_fetch_site": "same-origin", "origin": "https://evil.example"},
    ],
    ids=str,
)
def test_other_pages_and_requests_that_do_not_say_may_not(headers: dict[str, str]) -> None:
    with pytest.raises(ForgedForm):
        check(**headers)


def test_a_form_made_here_for_the_user_is_taken() -> None:
    check_form_token(make_form_token(ADA, KEY), ADA, KEY)


def forged(**changed: object) -> str:
    claims = {"sub": str(ADA), "aud": "ephraim_db form", "exp": time.time() + 60, **changed}
    return jwt.encode(claims, KEY, algorithm="HS256")


@pytest.mark.parametrize(
    "token",
    [
        "",
        "a.b.c",
        make_form_token(WILL, KEY),
        make_form_token(ADA, b"x" * 32),
        forged(exp=time.time() - 1),
        forged(aud="authenticated"),
        jwt.encode({"sub": str(ADA)}, KEY, algorithm="HS256"),
        jwt.encode({"sub": str(ADA)}, "", algorithm="none"),
    ],
    ids=["none", "garbage", "another's", "another key", "old", "a session", "bare", "unsigned"],
)
def test_any_other_form_is_not(token: str) -> None:
    with pytest.raises(ForgedForm):
        check_form_token(token, ADA, KEY)
