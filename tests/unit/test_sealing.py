"""A secret goes in, and comes out only where it belongs and with the right key."""

import base64
import hashlib
import json
import traceback
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from hypothesis import given
from hypothesis import strategies as st

from ephraim_db.errors import (
    CannotOpen,
    EphraimError,
    InvalidEnvelope,
    InvalidInput,
    InvalidKey,
    UnknownKey,
)
from ephraim_db.sealing import Envelope, Keyring, Place, PrivateKey, PublicKey, open_envelope, seal

ONE = UUID("11111111-1111-4111-8111-111111111111")
TWO = UUID("22222222-2222-4222-8222-222222222222")
KEY = PrivateKey(base64.urlsafe_b64encode(bytes(range(32))).rstrip(b"=").decode())
PUBLIC = KEY.public()
KEYRING = Keyring([KEY])
TOKEN = Place(ONE, "twilio", "twilio_auth_token")
CANARY = "canary-9f8e7d6c"

secrets = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=2_000)


@given(secrets)
def test_what_is_sealed_opens_in_its_place(secret: str) -> None:
    assert open_envelope(seal(secret, TOKEN, PUBLIC), TOKEN, KEYRING) == secret


@pytest.mark.parametrize(
    "elsewhere",
    [
        Place(TWO, "twilio", "twilio_auth_token"),
        Place(ONE, "xero", "twilio_auth_token"),
        Place(ONE, "twilio", "xero_client_secret"),
        Place(ONE, "twilioauth", "_token"),
    ],
)
def test_an_envelope_moved_elsewhere_does_not_open(elsewhere: Place) -> None:
    with pytest.raises(CannotOpen):
        open_envelope(seal(CANARY, TOKEN, PUBLIC), elsewhere, KEYRING)


def test_parts_of_a_place_cannot_run_into_each_other() -> None:
    assert Place(ONE, "ab", "c").info("k") != Place(ONE, "a", "bc").info("k")


@given(st.data())
def test_any_changed_byte_is_noticed(data: st.DataObject) -> None:
    envelope = Envelope.parse(seal(CANARY, TOKEN, PUBLIC))
    at = data.draw(st.integers(0, len(envelope.sealed) - 1))
    flip = data.draw(st.integers(1, 255))
    sealed = bytearray(envelope.sealed)
    sealed[at] ^= flip
    # X25519 ignores the top bit of the encapsulated key, but the key schedule takes all of it in.
    with pytest.raises(CannotOpen):
        open_envelope(str(Envelope(envelope.kid, bytes(sealed))), TOKEN, KEYRING)


def test_wrong_key_wrong_place_truncated_and_forged_are_one_error() -> None:
    whole = Envelope.parse(seal(CANARY, TOKEN, PUBLIC))
    stranger = Envelope.parse(seal(CANARY, TOKEN, PrivateKey.generate().public()))
    said = set()
    for sealed in (stranger.sealed, whole.sealed[:-1], whole.sealed[:20], bytes(304)):
        with pytest.raises(CannotOpen) as caught:
            open_envelope(str(Envelope(PUBLIC.kid, sealed)), TOKEN, KEYRING)
        said.add(str(caught.value))
    assert len(said) == 1


@given(st.integers(1, 255), st.integers(1, 255))
def test_length_says_nothing_within_a_block(one: int, other: int) -> None:
    assert len(seal("x" * one, TOKEN, PUBLIC)) == len(seal("x" * other, TOKEN, PUBLIC))


def test_the_same_secret_never_looks_the_same_twice() -> None:
    assert seal(CANARY, TOKEN, PUBLIC) != seal(CANARY, TOKEN, PUBLIC)


def test_an_unknown_kid_is_named() -> None:
    other = PrivateKey.generate().public()
    with pytest.raises(UnknownKey, match=other.kid):
        open_envelope(seal(CANARY, TOKEN, other), TOKEN, KEYRING)


@pytest.mark.parametrize(
    "text",
    [
        seal(CANARY, TOKEN, PrivateKey.generate().public()),
        seal(CANARY, Place(TWO, "twilio", "twilio_auth_token"), PUBLIC),
        "no envelope",
    ],
    ids=["another key", "another place", "no envelope"],
)
def test_every_failure_to_open_names_the_organization_the_field_and_the_kid(text: str) -> None:
    with pytest.raises((CannotOpen, UnknownKey, InvalidEnvelope)) as caught:
        open_envelope(text, TOKEN, KEYRING)
    kid = Envelope.parse(text).kid if text.startswith("seal:") else ""
    for named in (str(ONE), "twilio_auth_token", kid):
        assert named in str(caught.value)


def sealed_bytes() -> str:
    plain = CANARY.encode() + b"\xff\x80" + bytes(256 - len(CANARY) - 2)
    suite = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
    return str(Envelope(PUBLIC.kid, suite.encrypt(plain, PUBLIC.load(), TOKEN.info(PUBLIC.kid))))


def test_what_opens_but_is_not_text_leaves_no_trace_in_the_error() -> None:
    with pytest.raises(CannotOpen) as caught:
        open_envelope(sealed_bytes(), TOKEN, KEYRING)
    told = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    assert CANARY not in "".join(told.format())
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        CANARY,
        "seal:v1::AAAA",
        f"seal:v2:{PUBLIC.kid}:AAAA",
        f"seal:v1:{PUBLIC.kid}:",
        f"seal:v1:{PUBLIC.kid}:AAAA\n",
        f"seal:v1:{PUBLIC.kid}:AA==",
        f"seal:v1:{PUBLIC.kid}:AB",
        f"seal:v1:{PUBLIC.kid}:{CANARY}!",
    ],
)
def test_what_is_no_envelope_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(InvalidEnvelope) as caught:
        open_envelope(text, TOKEN, KEYRING)
    assert CANARY not in str(caught.value) + repr(caught.value.args)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("secret", ["", "x" * 16_385])
def test_an_empty_or_enormous_secret_is_refused_naming_the_field(secret: str) -> None:
    with pytest.raises(InvalidInput, match="twilio_auth_token") as caught:
        seal(secret, TOKEN, PUBLIC)
    assert caught.value.field == "twilio_auth_token"


@pytest.mark.parametrize("text", ["", "AAAA", "!" * 43, PUBLIC.x + "=", PUBLIC.x + "AAAA"])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(InvalidKey):
        PublicKey(text)
    with pytest.raises(InvalidKey):
        PrivateKey(text)


@pytest.mark.parametrize(
    "point", [bytes(32), b"\x01" + bytes(31), b"\xec" + b"\xff" * 30 + b"\x7f"]
)
def test_a_key_that_gives_every_sender_the_same_secret_is_refused(point: bytes) -> None:
    with pytest.raises(InvalidKey, match="low order"):
        PublicKey(base64.urlsafe_b64encode(point).rstrip(b"=").decode())


def test_the_kid_is_the_rfc_7638_thumbprint() -> None:
    members = json.dumps(
        {"crv": "X25519", "kty": "OKP", "x": PUBLIC.x}, separators=(",", ":"), sort_keys=True
    )
    digest = hashlib.sha256(members.encode()).digest()
    assert PUBLIC.kid == base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    assert PUBLIC.jwk() == {"kty": "OKP", "crv": "X25519", "x": PUBLIC.x, "kid": PUBLIC.kid}


def test_no_repr_shows_a_private_key() -> None:
    assert KEY.d not in repr(KEY)
    assert KEY.d not in repr(KEYRING)
    assert PUBLIC.kid in repr(KEYRING)


def test_every_error_has_a_default_message() -> None:
    assert str(InvalidEnvelope()) == InvalidEnvelope.__doc__
    assert issubclass(CannotOpen, EphraimError)
