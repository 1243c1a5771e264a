"""Private keys come from the environment or a file, and no error shows one."""

import json
import os
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from ephraim_db.errors import InvalidKey, NoPrivateKeys, UnknownKey
from ephraim_db.sealing import Keyring, PrivateKey, PublicKey
from ephraim_db.sealing.keys import base64url_encode

# Fixed, because parallel test workers must agree on what a test is called.
OLD, NEW = (PrivateKey(base64url_encode(bytes([n]) * 32)) for n in (1, 2))
KIDS = {OLD.public().kid, NEW.public().kid}

Environment = Callable[[str, str], None]


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Environment:
    for name in ("EPHRAIM_DB_KEYS", "EPHRAIM_DB_KEYS_FILE"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch.setenv


def jwk(key: PrivateKey, **changes: object) -> str:
    return json.dumps({**key.jwk(), **changes})


@pytest.mark.parametrize(
    "text",
    [
        jwk(OLD) + jwk(NEW),
        f"{jwk(OLD)}\n\n{jwk(NEW)}\n",
        json.dumps({"keys": [OLD.jwk(), NEW.jwk()]}),
        f"{jwk(OLD)} {json.dumps({'keys': [NEW.jwk(), OLD.jwk()]}, indent=2)}",
    ],
)
def test_several_keys_are_written_one_after_the_other_or_as_a_set(
    text: str, environment: Environment
) -> None:
    environment("EPHRAIM_DB_KEYS", text)
    assert set(Keyring.from_env()) == KIDS


def test_keys_come_from_files_and_from_the_variable_together(
    tmp_path: Path, environment: Environment
) -> None:
    (tmp_path / "old.jwk").write_text(jwk(OLD))
    (tmp_path / "new.jwk").write_text(jwk(NEW))
    old, new = str(tmp_path / "old.jwk"), str(tmp_path / "new.jwk")
    environment("EPHRAIM_DB_KEYS_FILE", os.pathsep.join((old, new)))
    assert set(Keyring.from_env()) == KIDS
    environment("EPHRAIM_DB_KEYS_FILE", old)
    environment("EPHRAIM_DB_KEYS", jwk(NEW))
    assert set(Keyring.from_env()) == KIDS


def test_no_keys_is_said_with_what_to_set(environment: Environment) -> None:
    with pytest.raises(NoPrivateKeys, match="EPHRAIM_DB_KEYS_FILE"):
        Keyring.from_env()
    environment("EPHRAIM_DB_KEYS", " ")
    environment("EPHRAIM_DB_KEYS_FILE", "")
    with pytest.raises(NoPrivateKeys):
        Keyring.from_env()


@pytest.mark.parametrize(
    "text",
    [
        OLD.d,
        jwk(OLD) + OLD.d,
        jwk(OLD)[:-2],
        f"[{jwk(OLD)}]",
        json.dumps({"keys": OLD.d}),
        json.dumps({"keys": []}),
        jwk(OLD, kty="EC"),
        jwk(OLD, d=OLD.d + "A"),
        jwk(OLD, x=NEW.public().x, kid=NEW.public().kid),
        jwk(OLD, kid=NEW.public().kid),
        json.dumps(OLD.public().jwk()),
    ],
)
def test_what_is_no_private_key_is_refused_and_never_repeated(
    text: str, environment: Environment
) -> None:
    environment("EPHRAIM_DB_KEYS", text)
    with pytest.raises(InvalidKey, match="EPHRAIM_DB_KEYS") as caught:
        Keyring.from_env()
    assert caught.value.__traceback__ is not None
    ours = caught.value.__traceback__.tb_next  # the frames below this one, which holds the text
    told = traceback.TracebackException(InvalidKey, caught.value, ours, capture_locals=True)
    assert OLD.d not in "".join(told.format())


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, environment: Environment) -> None:
    environment("EPHRAIM_DB_KEYS_FILE", str(tmp_path / "missing"))
    with pytest.raises(InvalidKey, match="missing: No such file"):
        Keyring.from_env()
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    environment("EPHRAIM_DB_KEYS_FILE", str(tmp_path / "binary"))
    with pytest.raises(InvalidKey, match="binary: not UTF-8"):
        Keyring.from_env()


def test_a_kid_that_is_not_held_is_named() -> None:
    with pytest.raises(UnknownKey, match=NEW.public().kid):
        Keyring([OLD])[NEW.public().kid]


def test_a_public_key_comes_back_from_its_jwk() -> None:
    public = OLD.public()
    assert PublicKey.from_jwk(public.jwk()) == public
    assert PublicKey.from_jwk(OLD.jwk()) == public
    with pytest.raises(InvalidKey, match="thumbprint"):
        PublicKey.from_jwk({**public.jwk(), "kid": NEW.public().kid})
