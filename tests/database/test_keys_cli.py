"""`ephraim-db keys` from the outside: what a shell sees, and what it never sees."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.database.stored_secrets import (
    ACACIA,
    Connection,
    activate,
    connect,
    fill,
    opened,
    place_of,
    status,
    store,
)
from tests.waiting import PATIENCE, wait_until

from ephraim_db.sealing import Keyring, PrivateKey, seal

COMMAND = str(Path(sysconfig.get_path("scripts")) / "ephraim-db")

Keys = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def connection(database: str) -> Iterator[Connection]:
    with connect(database) as connection:
        yield connection


def environment(database: str, *held: Path) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("EPHRAIM_")}
    files = os.pathsep.join(map(str, held))
    return {**clean, "DATABASE_URL": database, "EPHRAIM_DB_KEYS_FILE": files}


@pytest.fixture
def keys(database: str) -> Keys:
    """Run `ephraim-db keys` against the database, with the files of the keys that are held."""

    def run(
        *arguments: str, held: tuple[Path, ...] = (), **options: Any
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [COMMAND, "keys", *arguments],
            env=environment(database, *held),
            capture_output=True,
            text=True,
            timeout=60,
            **options,
        )

    return run


def private_key(file: Path) -> PrivateKey:
    return PrivateKey.from_jwk(json.loads(file.read_text()))


def key_file(folder: Path, name: str, key: PrivateKey) -> Path:
    file = folder / name
    file.write_text(json.dumps(key.jwk()))
    return file


def test_a_new_key_is_for_its_owners_eyes_only(keys: Keys, tmp_path: Path) -> None:
    file = tmp_path / "new.jwk"
    done = keys("new", "--out", str(file), umask=0)
    assert done.returncode == 0, done.stderr
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    key = private_key(file)
    assert json.loads(done.stdout) == key.public().jwk()
    assert key.d not in done.stdout + done.stderr


def test_without_a_file_the_key_goes_to_stdout_and_nowhere_else(keys: Keys) -> None:
    done = keys("new")
    key = PrivateKey.from_jwk(json.loads(done.stdout))
    assert key.d not in done.stderr
    assert key.public().kid in done.stderr


def test_a_key_is_never_overwritten(keys: Keys, tmp_path: Path) -> None:
    file = tmp_path / "precious.jwk"
    file.write_text("precious")
    (tmp_path / "link.jwk").symlink_to(tmp_path / "elsewhere.jwk")
    for name in ("precious.jwk", "link.jwk"):
        done = keys("new", "--out", str(tmp_path / name))
        assert (done.returncode, done.stdout) == (2, "")
        assert "never overwritten" in done.stderr
    assert file.read_text() == "precious"
    assert not (tmp_path / "elsewhere.jwk").exists()


def test_a_published_key_is_pending_until_it_is_activated(
    keys: Keys, tmp_path: Path, connection: Connection
) -> None:
    file = tmp_path / "new.jwk"
    public = keys("new", "--out", str(file)).stdout
    key = private_key(file)
    done = keys("publish", "-", input=public)
    assert (done.returncode, done.stdout) == (0, f"{key.public().kid} is published\n")
    assert status(connection, key) == "pending"
    assert keys("publish", str(file), "--activate").returncode == 0
    assert status(connection, key) == "active"


def test_activating_a_key_lets_the_one_before_it_retire_later(
    keys: Keys, tmp_path: Path, connection: Connection
) -> None:
    old = activate(connection, PrivateKey.generate())
    file = key_file(tmp_path, "new.jwk", PrivateKey.generate())
    assert keys("publish", str(file), "--activate").returncode == 0
    assert status(connection, old) == "retiring"


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"kty": "OKP"}', "canary-9f8e7d6c"])
def test_what_is_no_key_is_not_published_and_not_repeated(keys: Keys, text: str) -> None:
    done = keys("publish", "-", input=text)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: ")
    assert "canary" not in done.stderr
    assert "Traceback" not in done.stderr


def test_the_list_shows_where_every_secret_is_and_which_keys_are_held(
    keys: Keys, tmp_path: Path, connection: Connection
) -> None:
    old = activate(connection, PrivateKey.generate())
    fill(connection, old, 2)
    new = PrivateKey.generate()
    file = key_file(tmp_path, "new.jwk", new)
    rows = [line.split() for line in keys("list", held=(file,)).stdout.splitlines()]
    assert rows[0] == ["kid", "status", "secrets", "held", "published"]
    told = {row[0]: row[1:4] for row in rows[1:]}
    assert told[old.public().kid] == ["active", "6", "no"]
    assert told[new.public().kid] == ["new", "0", "yes"]


def test_a_rotation_says_what_it_did(keys: Keys, tmp_path: Path, connection: Connection) -> None:
    old, new = activate(connection, PrivateKey.generate()), PrivateKey.generate()
    secrets = fill(connection, old, 2)
    held = key_file(tmp_path, "old.jwk", old), key_file(tmp_path, "new.jwk", new)
    done = keys("rotate", held=held)
    assert done.returncode == 0, done.stderr
    assert done.stdout == (f"sealed 6 anew to {new.public().kid}, retired {old.public().kid}\n")
    assert "6/6" in done.stderr
    assert opened(connection, Keyring([new])) == secrets


def test_a_secret_that_does_not_open_fails_the_command_and_is_named(
    keys: Keys, tmp_path: Path, connection: Connection
) -> None:
    old, new = activate(connection, PrivateKey.generate()), PrivateKey.generate()
    fill(connection, old, 1)
    place = place_of(ACACIA, "twilio_auth_token")
    lost = activate(connection, PrivateKey.generate())
    store(connection, place, seal("canary-9f8e7d6c", place, lost.public()))
    held = key_file(tmp_path, "old.jwk", old), key_file(tmp_path, "new.jwk", new)
    done = keys("rotate", held=held)
    assert done.returncode == 1
    for named in (str(ACACIA), "twilio_auth_token", lost.public().kid):
        assert named in done.stderr
    assert status(connection, lost) == "retiring"
    assert status(connection, old) == "retired"
    assert "canary" not in done.stdout + done.stderr


def test_ctrl_c_stops_a_rotation_and_the_same_command_goes_on(
    keys: Keys, tmp_path: Path, connection: Connection, database: str
) -> None:
    old, new = activate(connection, PrivateKey.generate()), PrivateKey.generate()
    secrets = fill(connection, old, 2)
    held = key_file(tmp_path, "old.jwk", old), key_file(tmp_path, "new.jwk", new)
    with connect(database) as busy, busy.transaction():
        busy.execute("select from public.organizations for update")
        with subprocess.Popen(
            [COMMAND, "keys", "rotate"],
            env=environment(database, *held),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            wait_until(lambda: status(connection, new) == "active")
            process.send_signal(signal.SIGINT)
            _, told = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert "run the same again" in told
    assert "Traceback" not in told
    assert keys("rotate", held=held).returncode == 0
    assert opened(connection, Keyring([new])) == secrets


def test_without_private_keys_nothing_is_rotated(keys: Keys) -> None:
    done = keys("rotate")
    assert done.returncode == 1
    assert "EPHRAIM_DB_KEYS" in done.stderr


def test_a_wrong_url_shows_no_password(keys: Keys) -> None:
    for url in ("postgresql://me:hunter2@127.0.0.1:1/db", "postgresql://me:hunter2@h:port/db"):
        done = keys("list", "--database-url", url)
        assert done.returncode == 2
        assert "hunter2" not in done.stderr
        assert "Traceback" not in done.stderr


def test_a_login_that_is_only_a_rotator_can_do_all_of_it(
    keys: Keys, tmp_path: Path, connection: Connection, database: str
) -> None:
    old, new = activate(connection, PrivateKey.generate()), PrivateKey.generate()
    secrets = fill(connection, old, 1)
    held = key_file(tmp_path, "old.jwk", old), key_file(tmp_path, "new.jwk", new)
    connection.execute(
        "create role a_rotator login noinherit password 'pw' in role ephraim_rotator"
    )
    url = psycopg.conninfo.make_conninfo(database, user="a_rotator", password="pw")
    try:
        assert keys("list", "--database-url", url).returncode == 0
        assert keys("publish", str(held[1]), "--database-url", url).returncode == 0
        done = keys("rotate", "--database-url", url, held=held)
        assert done.returncode == 0, done.stderr
    finally:
        connection.execute("drop role a_rotator")
    assert opened(connection, Keyring([new])) == secrets
