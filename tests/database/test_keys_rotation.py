"""A rotation loses no secret and no change, whoever reads and writes, and wherever it stops."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import psycopg
import pytest
from psycopg import errors
from tests.database.stored_secrets import (
    ACACIA,
    ADMIN,
    Connection,
    activate,
    connect,
    envelopes,
    fill,
    kids,
    opened,
    place_of,
    set_as_admin,
    status,
    store,
)
from tests.waiting import wait_until_blocked

from ephraim_db.errors import RotationError
from ephraim_db.rotation import Progress, list_keys, promote, publish, rotate
from ephraim_db.rotation.directory import retire
from ephraim_db.rotation.holders import HOLDERS
from ephraim_db.sealing import Keyring, PrivateKey, open_envelope, seal
from ephraim_db.xero.tokens import place

TOKEN = place_of(ACACIA, "twilio_auth_token")


@pytest.fixture
def connection(database: str) -> Iterator[Connection]:
    with connect(database) as connection:
        yield connection


@pytest.fixture
def old(connection: Connection) -> PrivateKey:
    """The key that is active before anything is rotated."""
    return activate(connection, PrivateKey.generate())


def test_every_secret_moves_to_the_new_key_and_the_old_key_retires(
    connection: Connection, old: PrivateKey
) -> None:
    secrets = fill(connection, old, 7)
    new = PrivateKey.generate()
    told: list[Progress] = []

    done = rotate(connection, Keyring([old, new]), batch=3, on_progress=told.append)

    assert (done.resealed, done.unopened) == (21, ())
    assert done.retired == (old.public().kid,)
    assert opened(connection, Keyring([new])) == secrets
    assert (status(connection, old), status(connection, new)) == ("retired", "active")
    steps = [progress.step for progress in told]
    assert steps == ["published", "promoted", "resealed", "resealed", "resealed", "retired"]
    assert [progress.done for progress in told] == [0, 0, 9, 18, 21, 21]
    assert {progress.total for progress in told} == {21}


def test_a_rotation_that_is_repeated_changes_nothing(
    connection: Connection, old: PrivateKey
) -> None:
    fill(connection, old, 2)
    keyring = Keyring([old, PrivateKey.generate()])
    rotate(connection, keyring)
    before = envelopes(connection)
    again = rotate(connection, keyring)
    assert (again.resealed, again.retired) == (0, ())
    assert envelopes(connection) == before


def test_a_reader_with_both_keys_never_fails_while_keys_are_rotated(
    connection: Connection, old: PrivateKey, database: str
) -> None:
    secrets = fill(connection, old, 40)
    new = PrivateKey.generate()
    keyring = Keyring([old, new])
    both_have_read = threading.Barrier(3)

    def let_both_read(_: Progress) -> None:
        both_have_read.wait(60)

    def read() -> set[str]:
        seen: set[str] = set()
        with connect(database) as sender, suppress(threading.BrokenBarrierError):
            while True:
                for place, envelope in envelopes(sender, "ephraim_sender").items():
                    assert open_envelope(envelope, place, keyring) == secrets[place]
                    seen.add(envelope.split(":")[2])
                both_have_read.wait()
        return seen

    with ThreadPoolExecutor() as readers:
        readings = [readers.submit(read) for _ in range(2)]
        try:
            rotate(connection, keyring, batch=1, on_progress=let_both_read)
        finally:
            both_have_read.abort()
        for reading in readings:
            assert reading.result() == {old.public().kid, new.public().kid}


def test_a_secret_that_an_admin_is_setting_is_not_overwritten(
    connection: Connection, old: PrivateKey, database: str
) -> None:
    fill(connection, old, 1)
    store(connection, TOKEN, seal("the old token", TOKEN, old.public()))
    new = PrivateKey.generate()
    keyring = Keyring([old, new])

    with connect(database) as admin, ThreadPoolExecutor() as rotator:

        def set_first(progress: Progress) -> None:
            if progress.step == "promoted":
                admin.execute("begin")
                set_as_admin(admin, TOKEN, seal("the admin's token", TOKEN, new.public()))

        with connect(database) as other:
            rotation = rotator.submit(rotate, other, keyring, on_progress=set_first)
            wait_until_blocked(connection)
            admin.execute("commit")
            rotation.result()

    assert opened(connection, keyring)[TOKEN] == "the admin's token"
    assert kids(connection) == {new.public().kid}


def test_a_secret_sealed_to_the_old_key_at_the_last_moment_moves_as_well(
    connection: Connection, old: PrivateKey, database: str
) -> None:
    fill(connection, old, 1)
    new = PrivateKey.generate()

    def set_late(progress: Progress) -> None:
        if progress.step == "resealed" and TOKEN not in envelopes(connection):
            with connect(database) as admin, admin.transaction():
                set_as_admin(admin, TOKEN, seal("late", TOKEN, old.public()))

    done = rotate(connection, Keyring([old, new]), on_progress=set_late)
    assert done.resealed == 4
    assert done.retired == (old.public().kid,)
    assert opened(connection, Keyring([new]))[TOKEN] == "late"


def test_a_key_does_not_retire_under_a_secret_on_its_way_in(
    connection: Connection, old: PrivateKey, database: str
) -> None:
    fill(connection, old, 0)
    activate(connection, PrivateKey.generate())
    kid = old.public().kid
    with connect(database) as admin, connect(database) as other, ThreadPoolExecutor() as pool:
        admin.execute("begin")
        set_as_admin(admin, TOKEN, seal("in flight", TOKEN, old.public()))
        retiring = pool.submit(retire, other, kid)
        wait_until_blocked(connection)
        admin.execute("commit")
        assert retiring.result() == 1
    assert status(connection, old) == "retiring"
    store(connection, TOKEN, None)
    assert retire(connection, kid) == 0
    assert status(connection, old) == "retired"


def test_admins_who_keep_setting_secrets_lose_none_and_stop_no_rotation(
    connection: Connection, old: PrivateKey, database: str
) -> None:
    fill(connection, old, 30)
    keys = [old, *(PrivateKey.generate() for _ in range(4))]
    public = {key.public().kid: key.public() for key in keys}
    over = threading.Event()

    def keep_setting() -> str:
        number, last = 0, ""
        with connect(database) as admin:
            while not over.is_set():
                row = admin.execute(
                    "select kid from public.sealing_keys where status = 'active'"
                ).fetchone()
                assert row
                number += 1
                secret = f"token {number}"
                try:
                    with admin.transaction():
                        touched = set_as_admin(admin, TOKEN, seal(secret, TOKEN, public[row[0]]))
                except errors.CheckViolation:
                    continue  # it was retired in between; the client says so and the admin retries
                assert touched == 1
                last = secret
        return last

    with ThreadPoolExecutor() as admins:
        setting = admins.submit(keep_setting)
        try:
            for key in keys[1:]:
                rotate(connection, Keyring(keys), to=key.public().kid, batch=5)
        finally:
            over.set()
        last = setting.result()

    assert last
    assert opened(connection, Keyring(keys[-1:]))[TOKEN] == last
    assert [status(connection, key) for key in keys] == ["retired"] * 4 + ["active"]


# Stopped half-way -------------------------------------------------------------------------------

_ROTATE = """
import os, signal, sys
import psycopg
from ephraim_db.rotation import rotate
from ephraim_db.sealing import Keyring

steps = 0

def count(progress):
    global steps
    steps += 1
    if steps == int(sys.argv[1]):
        os.kill(os.getpid(), signal.SIGKILL)

with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
    rotate(connection, Keyring.from_env(), batch=2, on_progress=count)
"""


def environment(database: str, *keys: PrivateKey) -> dict[str, str]:
    held = "".join(json.dumps(key.jwk()) for key in keys)
    return {**os.environ, "DATABASE_URL": database, "EPHRAIM_DB_KEYS": held}


def rotate_in_a_process(database: str, *keys: PrivateKey, die_at: int) -> int:
    command = [sys.executable, "-c", _ROTATE, str(die_at)]
    return subprocess.run(command, env=environment(database, *keys), timeout=60).returncode


def test_a_rotation_killed_after_any_step_is_finished_by_running_it_again(
    connection: Connection, old: PrivateKey, database: str
) -> None:
    secrets = fill(connection, old, 3)
    died = 0
    for step in range(1, 20):
        new = PrivateKey.generate()
        code = rotate_in_a_process(database, old, new, die_at=step)
        assert opened(connection, Keyring([old, new])) == secrets
        if code == -signal.SIGKILL:
            died += 1
            assert rotate_in_a_process(database, old, new, die_at=0) == 0
        assert opened(connection, Keyring([new])) == secrets
        assert (status(connection, old), status(connection, new)) == ("retired", "active")
        if code == 0:
            break
        old = new
    assert died == 5  # published, promoted, two batches, retired


def test_a_rotation_killed_inside_a_batch_leaves_all_of_the_batch_or_none(
    connection: Connection, old: PrivateKey, database: str
) -> None:
    secrets = fill(connection, old, 3)
    new = PrivateKey.generate()
    with connect(database) as busy:
        last = max(place.organization_id for place in secrets)
        busy.execute("begin")
        busy.execute("select from public.organizations where id = %s for update", (last,))
        command = [sys.executable, "-c", _ROTATE, "0"]
        with subprocess.Popen(command, env=environment(database, old, new)) as process:
            wait_until_blocked(connection)
            process.kill()
        busy.execute("commit")
    assert opened(connection, Keyring([old, new])) == secrets
    assert rotate_in_a_process(database, old, new, die_at=0) == 0
    assert opened(connection, Keyring([new])) == secrets
    assert status(connection, old) == "retired"


def test_two_rotations_at_once_to_one_key_both_succeed(
    connection: Connection, old: PrivateKey, database: str
) -> None:
    secrets = fill(connection, old, 20)
    new = PrivateKey.generate()
    keyring = Keyring([old, new])
    with connect(database) as one, connect(database) as two, ThreadPoolExecutor() as pool:
        rotations = [pool.submit(rotate, each, keyring, batch=3) for each in (one, two)]
        resealed = [rotation.result().resealed for rotation in rotations]
    assert sum(resealed) == 60
    assert opened(connection, Keyring([new])) == secrets
    assert status(connection, old) == "retired"


def test_a_rotation_stops_when_somebody_promotes_another_key(
    connection: Connection, old: PrivateKey, database: str
) -> None:
    secrets = fill(connection, old, 2)
    new, third = PrivateKey.generate(), PrivateKey.generate()
    publish(connection, third.public())

    def interfere(progress: Progress) -> None:
        if progress.step == "promoted":
            with connect(database) as other:
                promote(other, third.public().kid)

    with pytest.raises(RotationError, match="no longer the active one"):
        rotate(connection, Keyring([old, new]), on_progress=interfere)
    assert opened(connection, Keyring([old])) == secrets


# What cannot be done ------------------------------------------------------------------------------


def test_a_secret_that_does_not_open_is_named_and_left_and_its_key_stays(
    connection: Connection, old: PrivateKey
) -> None:
    secrets = fill(connection, old, 2)
    lost = activate(connection, PrivateKey.generate())
    damaged, foreign = sorted(secrets, key=str)[:2]
    store(connection, damaged, seal("moved", place_of(ACACIA, damaged.field), old.public()))
    store(connection, foreign, seal("lost", foreign, lost.public()))
    before = envelopes(connection)

    new = PrivateKey.generate()
    done = rotate(connection, Keyring([old, new]), batch=1)

    assert {(one.place, one.kid) for one in done.unopened} == {
        (damaged, old.public().kid),
        (foreign, lost.public().kid),
    }
    assert done.resealed == 4
    assert done.retired == ()
    after = envelopes(connection)
    assert (after[damaged], after[foreign]) == (before[damaged], before[foreign])
    assert [status(connection, key) for key in (old, lost)] == ["retiring", "retiring"]


def test_a_key_that_is_not_held_is_not_rotated_to(connection: Connection, old: PrivateKey) -> None:
    kid = PrivateKey.generate().public().kid
    with pytest.raises(RotationError, match=kid):
        rotate(connection, Keyring([old]), to=kid)


def test_which_key_is_new_must_be_clear(connection: Connection, old: PrivateKey) -> None:
    two = [PrivateKey.generate(), PrivateKey.generate()]
    with pytest.raises(RotationError, match="--to"):
        rotate(connection, Keyring([old, *two]))
    rotate(connection, Keyring([old, PrivateKey.generate()]))
    with pytest.raises(RotationError, match="neither a new key nor the active one"):
        rotate(connection, Keyring([old]))


def test_a_rotation_may_be_turned_back(connection: Connection, old: PrivateKey) -> None:
    secrets = fill(connection, old, 2)
    new = activate(connection, PrivateKey.generate())
    rotate(connection, Keyring([old, new]), to=old.public().kid)
    assert opened(connection, Keyring([old])) == secrets
    assert status(connection, new) == "retired"


def test_a_retired_key_never_comes_back(connection: Connection, old: PrivateKey) -> None:
    fill(connection, old, 0)
    rotate(connection, Keyring([old, PrivateKey.generate()]))
    assert status(connection, old) == "retired"
    with pytest.raises(RotationError, match="retired"):
        promote(connection, old.public().kid)


def test_a_key_must_be_published_before_it_is_promoted(connection: Connection) -> None:
    with pytest.raises(RotationError, match="publish it first"):
        promote(connection, PrivateKey.generate().public().kid)


def test_somebody_who_holds_a_row_for_long_is_told_of(
    connection: Connection, old: PrivateKey, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "ephraim_db.rotation.acting._ACT",
        "set local role ephraim_rotator; set local lock_timeout = '50ms'",
    )
    secrets = fill(connection, old, 1)
    with connect(database) as busy, busy.transaction():
        busy.execute("update public.organizations set name = name || '.'")
        with pytest.raises(RotationError, match="run the same again"):
            rotate(connection, Keyring([old, PrivateKey.generate()]))
    assert opened(connection, Keyring([old])) == secrets


# Who may ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "select name from public.organizations",
        "select twilio_account_sid from public.organizations",
        "update public.organizations set settings = '{}'",
        "delete from public.organizations",
        "select phone from public.profiles",
        "select message_body from public.sms_logs",
        "update public.sealing_keys set x = x",
        "insert into public.sealing_keys (kid, x, status) values ('', '', 'active')",
        "delete from public.sealing_keys",
    ],
)
def test_the_rotator_can_do_nothing_else(connection: Connection, statement: str) -> None:
    connection.execute("set role ephraim_rotator")
    with pytest.raises(errors.InsufficientPrivilege):
        connection.execute(statement.encode())


@pytest.mark.parametrize("role", ["anon", "authenticated", "service_role", "ephraim_sender"])
def test_nobody_else_keeps_the_directory(connection: Connection, role: str) -> None:
    connection.execute(f"set role {role}".encode())
    for statement in (
        b"insert into public.sealing_keys (kid, x) values ('', '')",
        b"update public.sealing_keys set status = 'active'",
        b"delete from public.sealing_keys",
    ):
        with pytest.raises(errors.InsufficientPrivilege):
            connection.execute(statement)


def test_a_login_that_may_not_rotate_is_told_what_to_grant(
    connection: Connection, database: str
) -> None:
    url = psycopg.conninfo.make_conninfo(database, user="authenticator", options="")
    with (
        connect(url) as stranger,
        pytest.raises(RotationError, match="grant ephraim_rotator to authenticator"),
    ):
        list_keys(stranger)


def test_every_sealed_column_of_the_database_is_rotated(connection: Connection) -> None:
    rows = connection.execute(
        "select c.conrelid::regclass::text, a.attname::text from pg_catalog.pg_constraint as c "
        "join pg_catalog.pg_attribute as a on a.attrelid = c.conrelid and a.attnum = any (c.conkey)"
        " where pg_catalog.pg_get_constraintdef(c.oid) like '%%seal:v1%%'"
    ).fetchall()
    assert set(rows) == {(holder.table, field) for holder in HOLDERS for field in holder.fields}


def test_what_is_still_to_be_undone_at_xero_moves_to_the_new_key(
    connection: Connection, old: PrivateKey
) -> None:
    fill(connection, old, 0)
    client, tokens = (place_of(ACACIA, field) for field in HOLDERS[-1].fields)
    connection.execute(
        "insert into public.xero_leftovers "
        "(organization_id, xero_client_id, xero_client_secret, xero_token_set) "
        "values (%s, 'client', %s, %s)",
        (ACACIA, seal("client", client, old.public()), seal("tokens", tokens, old.public())),
    )
    new = PrivateKey.generate()
    done = rotate(connection, Keyring([old, new]))
    assert (done.resealed, done.retired) == (2, (old.public().kid,))
    row = connection.execute(
        "select xero_client_secret, xero_token_set from public.xero_leftovers "
        "where xero_client_id = 'client'"
    ).fetchone()
    assert row
    keyring = Keyring([new])
    assert open_envelope(row[0], client, keyring) == "client"
    assert open_envelope(row[1], tokens, keyring) == "tokens"


def authorize(connection: Connection, verifier: str, tokens: str) -> None:
    """Leave an authorization where an admin, who is one no more, has not chosen an organisation."""
    connection.execute(
        "insert into public.xero_authorizations (state_hash, organization_id, user_id, "
        "session_hash, xero_client_id, redirect_uri, code_verifier, xero_token_set, scope, "
        "access_expires_at, tenants) values (sha256('a'), %s, %s, sha256('b'), 'app', "
        "'https://x.example', %s, %s, 'scope', now(), '[]')",
        (ACACIA, ADMIN, verifier, tokens),
    )
    connection.execute("update public.profiles set is_active = false where id = %s", (ADMIN,))


def test_an_authorization_that_nobody_finished_moves_to_the_new_key(
    connection: Connection, old: PrivateKey
) -> None:
    fill(connection, old, 0)
    verifier, tokens = place(ACACIA, "code_verifier"), place(ACACIA)
    authorize(
        connection,
        seal("verifier", verifier, old.public()),
        seal("tokens", tokens, old.public()),
    )
    new = PrivateKey.generate()
    done = rotate(connection, Keyring([old, new]))
    assert (done.resealed, done.retired) == (2, (old.public().kid,))
    row = connection.execute(
        "select code_verifier, xero_token_set from public.xero_authorizations "
        "where xero_client_id = 'app'"
    ).fetchone()
    assert row
    keyring = Keyring([new])
    assert open_envelope(row[0], verifier, keyring) == "verifier"
    assert open_envelope(row[1], tokens, keyring) == "tokens"


def test_what_no_key_opens_is_discarded_on_demand_wherever_it_is(
    connection: Connection, old: PrivateKey
) -> None:
    secrets = fill(connection, old, 1)
    rubbish = f"seal:v1:{old.public().kid}:AAAA"
    damaged = min(secrets, key=str)
    store(connection, damaged, rubbish)
    authorize(connection, rubbish, rubbish)
    connection.execute(
        "insert into public.xero_leftovers (organization_id, xero_client_id, xero_token_set) "
        "values (%s, 'app', %s)",
        (ACACIA, rubbish),
    )
    new = PrivateKey.generate()
    keyring = Keyring([old, new])

    left = rotate(connection, keyring)
    assert (len(left.unopened), left.discarded, left.retired) == (4, (), ())

    done = rotate(connection, keyring, discard_unopenable=True)
    assert {str(one.place) for one in done.discarded} == {
        str(where) for where in (damaged, place(ACACIA, "code_verifier"), place(ACACIA))
    }
    assert (done.unopened, done.retired) == ((), (old.public().kid,))
    assert envelopes(connection).keys() == secrets.keys() - {damaged}
    for table in ("xero_authorizations", "xero_leftovers"):
        left_over = f"select from public.{table} where xero_client_id = 'app'"
        assert connection.execute(left_over.encode()).fetchone() is None


def test_a_secret_whose_private_key_is_elsewhere_is_never_discarded(
    connection: Connection, old: PrivateKey
) -> None:
    secrets = fill(connection, old, 1)
    new = activate(connection, PrivateKey.generate())
    done = rotate(connection, Keyring([new]), discard_unopenable=True)
    assert (len(done.unopened), done.discarded, done.retired) == (3, (), ())
    assert opened(connection, Keyring([old])) == secrets


def test_each_rotated_secret_is_on_record_as_rotated_by_the_rotator(
    connection: Connection, old: PrivateKey
) -> None:
    secrets = fill(connection, old, 1)
    new = PrivateKey.generate()
    rotate(connection, Keyring([old, new]))
    rows = connection.execute(
        "select organization_id, field, actor_role from public.credential_events "
        "where event = 'rotated' and kid = %s",
        (new.public().kid,),
    ).fetchall()
    assert set(rows) == {
        (place.organization_id, place.field, "ephraim_rotator") for place in secrets
    }
