"""sms_logs as monthly partitions: nothing is lost or copied, nobody reaches a month by its name."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from tests.database.partitioning import ACACIA, ROLES, WRITE, apply, guards_of
from tests.docs.blocks import blocks_of
from tests.supabase_cli import copy_project, run_supabase

from ephraim_db.errors import MigrationFailed
from ephraim_db.migrations.shipped import export_migrations
from ephraim_db.postgres import Server, clone_database, drop_database


@pytest.fixture(scope="module")
def template(
    server: Server, project_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The name of a database that was converted, with months for years ahead."""
    clone_database(server, project_template, "partitioned")
    apply(server.url("partitioned", "postgres"), tmp_path_factory.mktemp("partitioned"))
    with psycopg.connect(server.url("partitioned", "postgres"), autocommit=True) as owner:
        owner.execute("select private.add_sms_log_months(50)")
    yield "partitioned"
    drop_database(server, "partitioned")


@pytest.fixture
def owner(server: Server, template: str) -> Iterator[psycopg.Connection]:
    clone_database(server, template, "partitioned_here")
    with psycopg.connect(server.url("partitioned_here", "postgres"), autocommit=True) as owner:
        yield owner
    drop_database(server, "partitioned_here")


@pytest.fixture
def before(database: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database, autocommit=True) as owner:
        yield owner


def months(owner: psycopg.Connection) -> list[str]:
    rows = owner.execute(
        "select name::text from private.sms_log_months order by ends_at"
    ).fetchall()
    return [name for (name,) in rows]


def write(owner: psycopg.Connection, moment: str, key: str | None = None) -> uuid.UUID | None:
    """Write a message of that moment down, as the sender does; None if the key was used."""
    statement = (
        "insert into public.sms_logs (organization_id, to_phone, message_body, created_at, "
        "idempotency_key) values (%s, '+61491570156', 'Hello', %s, %s) "
        "on conflict do nothing returning id"
    )
    row = owner.execute(statement.encode(), (ACACIA, moment, key)).fetchone()
    return row[0] if row else None


def test_no_message_is_copied_and_none_is_lost(
    before: psycopg.Connection, tmp_path: Path, database: str
) -> None:
    looked = (
        "select m.*::text, pg_relation_filenode(m.tableoid) from public.sms_logs as m order by m.id"
    )
    looked = looked.replace("m.*::text", "m::text")
    was = before.execute(looked.encode()).fetchall()
    apply(database, tmp_path)

    assert was
    assert before.execute(looked.encode()).fetchall() == was
    assert months(before)[0] == "private.sms_logs_first"


def test_the_supabase_cli_converts_it_as_well(database: str, tmp_path: Path) -> None:
    project = copy_project(tmp_path)
    export_migrations(project, partitions=True)
    done = run_supabase(project, database, "migration", "up", "--yes")
    assert done.status == 0, done.stderr
    with psycopg.connect(database, autocommit=True) as owner:
        assert len(months(owner)) > 10


def test_what_guards_the_log_is_what_guarded_it(
    before: psycopg.Connection, owner: psycopg.Connection
) -> None:
    was, now = guards_of(before), guards_of(owner)

    assert all(was.values()), "a comparison with nothing would prove nothing"
    assert now == was


@pytest.mark.parametrize("role", ROLES)
def test_no_role_reaches_a_month_by_its_name(role: str, owner: psycopg.Connection) -> None:
    every = months(owner)
    assert len(every) > 40
    for month in (every[0], every[1], every[-1], "private.sms_log_keys"):
        for statement in (
            f"select from {month}",
            f"insert into {month} default values",
            f"update {month} set created_at = now()",
            f"delete from {month}",
            f"truncate {month}",
        ):
            with owner.transaction(force_rollback=True):
                owner.execute(sql.SQL("set local role {}").format(sql.Identifier(role)))
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    owner.execute(statement.encode())


def test_every_month_has_row_security_no_policy_and_no_grant(owner: psycopg.Connection) -> None:
    open_ones = owner.execute(
        """
        select m.name, c.relrowsecurity, c.relacl
        from private.sms_log_months as m
        inner join pg_class as c on c.oid = m.name
        where not c.relrowsecurity
            or exists (select from pg_policy as p where p.polrelid = c.oid)
            or exists (select from aclexplode(c.relacl) as a where a.grantee <> c.relowner)
            or exists (
                select from pg_attribute as a where a.attrelid = c.oid and a.attacl is not null
            )
        """
    ).fetchall()
    assert open_ones == []


def test_a_key_sends_one_message_whatever_the_month(owner: psycopg.Connection) -> None:
    assert write(owner, "2027-02-01", "the key") is not None
    assert write(owner, "2027-05-01", "the key") is None
    assert write(owner, "2027-05-01") is not None
    assert write(owner, "2027-05-01") is not None, "without a key there is nothing to repeat"


def test_who_writes_the_same_key_at_the_same_time_waits(
    server: Server, owner: psycopg.Connection
) -> None:
    written: list[uuid.UUID | None] = []

    def second() -> None:
        url = server.url("partitioned_here", "postgres")
        with psycopg.connect(url, autocommit=True) as other:
            written.append(write(other, "2027-05-01", "the key"))

    thread = threading.Thread(target=second)
    with owner.transaction():
        first = write(owner, "2027-02-01", "the key")
        thread.start()
        thread.join(0.5)
        assert thread.is_alive()
    thread.join()
    assert first is not None
    assert written == [None]


def test_a_sid_belongs_to_one_message_whatever_the_month(owner: psycopg.Connection) -> None:
    first, second = write(owner, "2027-02-01"), write(owner, "2027-05-01")
    name = b"update public.sms_logs set twilio_sid = %s where id = %s"
    owner.execute(name, ("SM" + "5a" * 16, first))
    with pytest.raises(psycopg.errors.UniqueViolation) as refused:
        owner.execute(name, ("SM" + "5a" * 16, second))
    assert refused.value.diag.constraint_name == "sms_logs_organization_id_twilio_sid_key"


def test_an_event_is_of_a_message_that_there_is(owner: psycopg.Connection) -> None:
    event = (
        b"insert into public.sms_log_events (organization_id, sms_log_id, source, moved) "
        b"values (%s, %s, 'callback', false)"
    )
    owner.execute(event, (ACACIA, write(owner, "2027-02-01")))
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        owner.execute(event, (ACACIA, uuid.uuid4()))


def test_months_are_added_until_they_are_there_and_not_twice(owner: psycopg.Connection) -> None:
    was = months(owner)
    (added,) = owner.execute("select count(*) from private.add_sms_log_months(52)").fetchall()
    assert added == (2,)
    assert owner.execute("select private.add_sms_log_months(52)").fetchall() == []
    assert months(owner)[:-2] == was
    with pytest.raises(psycopg.errors.CheckViolation, match="no partition"):
        write(owner, "2040-01-01")


def test_pages_are_read_month_by_month_and_no_further_than_they_go(
    owner: psycopg.Connection,
) -> None:
    for month in range(1, 13):
        owner.execute(
            "insert into public.sms_logs (organization_id, to_phone, message_body, created_at) "
            "select %s, '+61491570156', 'Hello', make_timestamptz(2027, %s, 1, 0, 0, 0, 'UTC') "
            "+ interval '1 minute' * (n / 3) from generate_series(1, 400) as n",
            (ACACIA, month),
        )
    owner.execute("vacuum analyze public.sms_logs")
    every = owner.execute(
        "select id from public.sms_logs where organization_id = %s "
        "order by created_at desc, id desc",
        (ACACIA,),
    ).fetchall()
    admin = '{"sub": "a0000000-0000-4000-8000-000000000101", "role": "authenticated"}'
    walked: list[tuple[uuid.UUID]] = []
    position = ("infinity", "ffffffff-ffff-ffff-ffff-ffffffffffff")
    page = (
        "select id, created_at from public.sms_logs where created_at <= %s::timestamptz "
        "and (created_at < %s::timestamptz or id < %s::uuid) "
        "order by created_at desc, id desc limit 50"
    )
    with owner.transaction():
        owner.execute("set local role authenticated")
        owner.execute("select set_config('request.jwt.claims', %s, true)", (admin,))
        plan = owner.execute(
            b"explain (analyze) select * from public.sms_logs "
            b"order by created_at desc, id desc limit 50"
        ).fetchall()
        arguments = (position[0], position[0], position[1])
        while rows := owner.execute(page.encode(), arguments).fetchall():
            walked += [(row[0],) for row in rows]
            arguments = (rows[-1][1], rows[-1][1], rows[-1][0])

    assert len(every) > 4_800
    assert walked == every
    told = "\n".join(line for (line,) in plan)
    assert "Sort" not in told
    oldest = next(line for line in told.splitlines() if "sms_logs_2027_02" in line)
    assert "never executed" in oldest


def test_a_month_is_let_go_as_the_page_says_and_the_rest_stays(owner: psycopg.Connection) -> None:
    old = write(owner, "2027-02-01", "an old key")
    new = write(owner, "2027-05-01", "a new key")
    every = months(owner)
    add, detach, forget = (
        block.text.replace("now()", "timestamptz '2029-03-01'")
        for block in blocks_of("docs/scale.md", "sql")
    )
    assert owner.execute(add.encode()).fetchall() == []
    statements = owner.execute(detach.encode()).fetchall()
    for (statement,) in statements:
        owner.execute(statement.encode())
    for month in every[:3]:
        owner.execute(f"drop table {month}".encode())

    assert len(statements) == 3
    assert owner.execute("select id from public.sms_logs").fetchall() == [(new,)]
    assert write(owner, "2027-06-01", "an old key") is None
    owner.execute(forget.encode())
    assert write(owner, "2027-06-01", "an old key") not in (None, old)
    assert write(owner, "2027-06-01", "a new key") is None


def test_senders_go_on_while_the_log_is_converted(
    server: Server, database: str, sender_url: str, tmp_path: Path
) -> None:
    stop = threading.Event()
    sent: list[uuid.UUID] = []

    def send() -> None:
        with psycopg.connect(sender_url, autocommit=True) as sender:
            while not stop.is_set():
                row = sender.execute(WRITE, (ACACIA, str(uuid.uuid4()))).fetchone()
                assert row is not None
                sid = "SM" + uuid.uuid4().hex
                sender.execute(
                    "update public.sms_logs set twilio_sid = %s, status = 'queued' where id = %s",
                    (sid, row[0]),
                )
                sent.append(row[0])

    senders = [threading.Thread(target=send) for _ in range(2)]
    for sender in senders:
        sender.start()
    try:
        apply(database, tmp_path)
    finally:
        stop.set()
        for sender in senders:
            sender.join()

    with psycopg.connect(database, autocommit=True) as owner:
        rows = owner.execute(
            """
            select m.id from public.sms_logs as m
            inner join private.sms_log_keys as k
                on k.sms_log_id = m.id
                and k.organization_id = m.organization_id
                and k.created_at = m.created_at
                and k.idempotency_key is not distinct from m.idempotency_key
                and k.twilio_sid is not distinct from m.twilio_sid
            """
        ).fetchall()
        (messages,) = owner.execute("select count(*) from public.sms_logs").fetchone() or (0,)
    assert len(sent) > 10
    assert set(sent) <= {row[0] for row in rows}
    assert len(rows) == messages


def test_the_switch_gives_up_when_somebody_holds_the_table_and_changes_nothing(
    before: psycopg.Connection, database: str, tmp_path: Path
) -> None:
    apply(database, tmp_path, upto=2)
    was = guards_of(before)
    with psycopg.connect(database) as reader:
        reader.execute("select from public.sms_logs")
        with pytest.raises(MigrationFailed, match="55P03"):
            apply(database, tmp_path)
    assert guards_of(before) == was
    apply(database, tmp_path)
    assert len(months(before)) > 10
