"""Any text for an envelope or a key is read rightly or refused in one way, and nothing is told."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st
from tests.fuzz.profiles import tried

from ephraim_db.errors import CannotOpen, InvalidEnvelope, InvalidInput, InvalidKey, UnknownKey
from ephraim_db.sealing import Keyring, Place, PrivateKey, PublicKey, open_envelope, seal
from ephraim_db.sealing.envelope import Envelope

KEY = PrivateKey("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8")
KID = KEY.public().kid
RING = Keyring([KEY])
PLACE = Place(UUID(int=1), "twilio", "twilio_auth_token")
SEALED = seal("a secret of sixteen", PLACE, KEY.public())

parts = st.sampled_from(["seal", "v1", KID, "A" * 43, SEALED[56:], SEALED[56:-1], "AAAA", "", "\0"])
any_text = st.text() | st.binary().map(lambda raw: raw.decode("utf-8", "surrogateescape"))
near = st.lists(parts | st.text("AZaz09-_=+/: \n", max_size=8), max_size=6).map(":".join)
changed = st.tuples(st.integers(0, len(SEALED) - 1), st.characters()).map(
    lambda change: SEALED[: change[0]] + change[1] + SEALED[change[0] + 1 :]
)


@tried(120, long=20_000)
@given(any_text | near | changed)
def test_an_envelope_is_opened_or_refused_in_one_of_three_ways(text: str) -> None:
    try:
        assert open_envelope(text, PLACE, RING) == "a secret of sixteen"
        assert text == SEALED
    except (InvalidEnvelope, UnknownKey, CannotOpen) as refusal:
        told, chain = str(refusal), refusal.__cause__ or refusal.__context__
        assert chain is None or refusal.__suppress_context__
        assert str(PLACE) in told
        sealed = text.rpartition(":")[2]
        assert len(sealed) <= len(KID) or sealed not in told


@tried(120, long=20_000)
@given(st.text(st.characters(), min_size=1, max_size=600))
def test_what_is_sealed_is_what_is_opened(secret: str) -> None:
    try:
        assert open_envelope(seal(secret, PLACE, KEY.public()), PLACE, RING) == secret
    except InvalidInput as refusal:
        assert any(0xD800 <= ord(letter) < 0xE000 for letter in secret)
        assert refusal.__cause__ is refusal.__context__ is None


@tried(120, long=20_000)
@given(st.binary(min_size=32, max_size=400))
def test_the_refusal_of_bytes_that_do_not_open_says_nothing_of_them(sealed: bytes) -> None:
    try:
        open_envelope(str(Envelope(KID, sealed)), PLACE, RING)
    except CannotOpen as refusal:
        assert str(refusal) == str(CannotOpen(str(PLACE), KID))
    else:
        raise AssertionError("bytes out of nowhere were opened")


jwk_values: st.SearchStrategy[Any] = (
    st.sampled_from(["OKP", "X25519", KEY.d, KEY.public().x, KID, "A" * 43, "_" * 43, "\ud800"])
    | st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=50)
    | st.lists(st.integers(), max_size=2)
)
jwks = st.dictionaries(st.sampled_from(["kty", "crv", "d", "x", "kid", "keys"]), jwk_values)
near_jwks = st.builds(lambda change: {**KEY.jwk(), **change}, jwks)
files = (
    st.text()
    | st.lists(near_jwks | jwks, max_size=3).map(lambda keys: "\n".join(map(json.dumps, keys)))
    | st.lists(near_jwks | jwk_values, max_size=3).map(lambda keys: json.dumps({"keys": keys}))
    | st.sampled_from(["[" * 100_000, '{"keys":' * 100_000, "1" * 10_000, "\ufeff" + KEY.d])
)


@tried(120, long=20_000)
@given(files)
def test_a_file_of_keys_is_read_or_refused_without_repeating_it(text: str) -> None:
    try:
        ring = Keyring.parse(text, "keys.jwk")
    except InvalidKey as refusal:
        assert str(refusal).startswith("keys.jwk: ")
        assert KEY.d not in str(refusal)
        assert refusal.__cause__ is refusal.__context__ is None
    else:
        assert [ring[kid].public().kid for kid in ring] == list(ring)


@tried(120, long=20_000)
@given(near_jwks | jwks)
def test_a_key_is_taken_whole_or_refused(jwk: dict[str, Any]) -> None:
    for kind, half in ((PublicKey, "x"), (PrivateKey, "d")):
        try:
            key = kind.from_jwk(jwk)
        except InvalidKey as refusal:
            assert KEY.d not in str(refusal)
        else:
            assert key.jwk()[half] == jwk[half]
