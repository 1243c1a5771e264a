"""Whom a client acts as is read from the token that its requests carry."""

from uuid import UUID

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ephraim_db.errors import NotSignedIn, ServiceKeyRefused
from ephraim_db.identity import identify

USER = UUID("aaaaaaaa-0000-4000-8000-000000000001")
SECRET = "a secret of the signing server, long enough"


def bearer(**claims: object) -> str:
    return f"Bearer {jwt.encode(claims, SECRET, 'HS256')}"


def test_a_users_token_names_the_user() -> None:
    assert identify(bearer(sub=str(USER), role="authenticated")) == USER


@given(st.dictionaries(st.text(), st.text()))
def test_other_claims_of_any_length_change_nothing(extra: dict[str, str]) -> None:
    assert identify(bearer(**{**extra, "sub": str(USER), "role": "authenticated"})) == USER


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer sb_publishable_abc",
        bearer(role="anon"),
        bearer(sub="not a uuid"),
        bearer(sub="not a uuid", role="authenticated"),
        bearer(role="authenticated"),
        "Bearer a.b.c",
        "Bearer a.W10.c",
        "Bearer a.\u00e9.c",
    ],
)
def test_a_token_without_a_user_is_nobody(authorization: str) -> None:
    assert isinstance(identify(authorization), NotSignedIn)


@given(st.text())
def test_no_text_breaks_it(text: str) -> None:
    assert isinstance(identify(f"Bearer {text}"), NotSignedIn | ServiceKeyRefused)


@pytest.mark.parametrize(
    "authorization",
    [
        bearer(role="service_role"),
        bearer(role="service_role", sub=str(USER)),
        "Bearer sb_secret_abc",
    ],
)
def test_a_service_key_is_refused(authorization: str) -> None:
    assert isinstance(identify(authorization), ServiceKeyRefused)
