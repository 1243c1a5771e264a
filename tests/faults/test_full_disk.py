"""The database's disk is full: it is said so, nothing is half done, and with room all goes on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.database.stored_secrets import activate, connect, fill, kids, opened, status
from tests.faults import stories
from tests.faults.small_disk import SmallDisk, start_on_a_small_disk
from tests.faults.sweeping import Scene, play
from tests.faults.texting import assert_honest, prepare, texting
from tests.sms.conftest import Owner
from tests.supabase_cli import make_project

from ephraim_db.project import Database
from ephraim_db.sealing import Keyring, PrivateKey
from ephraim_db.testing.databases import Cloner

BODIES = [f"{n} {'x' * 1500}" for n in range(24)]
FULL = "No space left on device"


@pytest.fixture(scope="module")
def disk() -> Iterator[SmallDisk]:
    with start_on_a_small_disk() as disk:
        yield disk


@pytest.fixture
def database(disk: SmallDisk) -> Iterator[Database]:
    with Cloner(disk.server, disk.template) as cloner, cloner.cloned() as database:
        yield database


@contextmanager
def full(disk: SmallDisk, left: int = 0) -> Iterator[None]:
    disk.fill(left)
    try:
        yield
    finally:
        disk.free()


def test_a_migration_names_its_statement_and_is_applied_later(
    disk: SmallDisk, database: Database, tmp_path: Path
) -> None:
    rows = "insert into public.many select n, repeat('x', 1000) from generate_series(1, 3000) as n"
    sql = f"create table public.many (n int, t text);\n{rows};"
    project = make_project(tmp_path, {"20990101000000_many.sql": sql})
    scene = Scene(database, database.url, lambda url, _: (project, url), "")
    owner = Owner(database.server.url(database.name))
    owner.rows("delete from supabase_migrations.schema_migrations")
    with full(disk, left=1 << 20):  # so that the first statement has room
        ending = play(stories.migrate, scene)
        assert FULL in ending.refusal
        assert "Free some space" in ending.refusal
        assert owner.rows("select version from supabase_migrations.schema_migrations") == []
        assert owner.rows("select oid from pg_class where relname = 'many'") == []
    ending = play(stories.migrate, scene)
    assert not ending.refusal + ending.crash
    assert len(owner.rows("select n from public.many")) == 3000


def test_a_sender_says_so_and_sends_the_rest_later(disk: SmallDisk, database: Database) -> None:
    key = PrivateKey.generate()
    owner = Owner(database.server.url(database.name))
    prepare(owner, key)
    owner.rows("create role sender_login login in role ephraim_sender")
    owner.rows(f"alter role sender_login password '{database.server.password}'")
    url = database.server.url(database.name, "sender_login")
    with texting(database, url, lambda url, http: (url, http, key.d, BODIES), key) as scene:
        with full(disk):
            ending = play(stories.send, scene)
            assert "disk is full" in ending.refusal
            assert len(scene.messages) < len(BODIES)
        ending = play(stories.send, scene)
        assert not ending.refusal + ending.crash
        scene.reconcile()
        assert_honest(scene, BODIES)


def test_a_rotation_says_so_keeps_every_secret_and_is_finished_later(
    disk: SmallDisk, database: Database
) -> None:
    old, new = PrivateKey.generate(), PrivateKey.generate()
    held = "".join(json.dumps(key.jwk()) for key in (old, new))
    with connect(database.url) as owner:
        activate(owner, old)
        secrets = fill(owner, old, 120)
    scene = Scene(database, database.url, lambda url, _: (url, held), "")
    with full(disk):
        ending = play(stories.rotate_by_command, scene)
        assert FULL in ending.refusal
        assert "run the same again" in ending.refusal
        with connect(database.url) as owner:
            assert opened(owner, Keyring([old, new])) == secrets
            assert old.public().kid in kids(owner)
            assert status(owner, old) == "retiring"
    ending = play(stories.rotate_by_command, scene)
    assert not ending.refusal + ending.crash
    with connect(database.url) as owner:
        assert opened(owner, Keyring([new])) == secrets
        assert status(owner, old) == "retired"
