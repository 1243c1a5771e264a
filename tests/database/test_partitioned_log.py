"""A log of monthly partitions keeps what the log promised; nobody reaches a month by its name."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql
from tests.conftest import PROJECT
from tests.database.partitioning import ACACIA, ROLES, apply, guards_of, months
from tests.docs.blocks import blocks_of

from ephraim_db.postgres import Server, clone_database, drop_database
from ephraim_db.rls import read_personas
from ephraim_db.rls.contract import facts_of, read_contract, tell_differences
from ephraim_db.rls.findings import examine


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


def write(owner: psycopg.Connection, moment: str, key: str | None = None) -> uuid.UUID | None:
    """Write a message of that moment down, as the sender does; None if the key was used."""
    statement = (
        "insert into public.sms_logs (organization_id, to_phone, message_body, created_at, "
        "idempotency_key) values (%s, '+61491570156', 'Hello', %s, %s) "
        "on conflict do nothing returning id"
    )
    row = owner.execute(statement.encode(), (ACACIA, moment, key)).fetchone()
    return row[0] if row else None


def test_what_guards_the_log_is_what_guarded_it(database: str, owner: psycopg.Connection) -> None:
    with psycopg.connect(database) as before:
        was, now = guards_of(before), guards_of(owner)

    assert all(was.values()), "a comparison with nothing would prove nothing"
    assert now == was


def test_the_contract_differs_in_what_no_foreign_key_tells_any_more(
    owner: psycopg.Connection,
) -> None:
    told = tell_differences(
        read_contract(PROJECT / "supabase" / "rls.contract"),
        facts_of(examine(owner, read_personas(PROJECT / "supabase" / "rls.toml")).matrix),
    )
    (events, proven, table) = (one.message for one in told)
    assert events.startswith("other_participant and participant may now read sms_log_events")
    assert events.endswith("of the whole organization (agreed: of their own rows)")
    assert "inactive and newcomer may read sms_log_events" in proven
    assert table == "sms_logs is a partitioned table now (agreed: a table)"


def test_participants_read_no_events_but_those_of_their_own_messages(
    owner: psycopg.Connection,
) -> None:
    participant = '{"sub": "a0000000-0000-4000-8000-000000000105", "role": "authenticated"}'
    own = owner.execute(
        "select e.id from public.sms_log_events as e "
        "inner join public.sms_logs as m on m.id = e.sms_log_id "
        "where m.related_participant_id = 'a0000000-0000-4000-8000-000000000305'"
    ).fetchall()
    (everything,) = owner.execute("select count(*) from public.sms_log_events").fetchone() or (0,)
    with owner.transaction():
        owner.execute("set local role authenticated")
        owner.execute("select set_config('request.jwt.claims', %s, true)", (participant,))
        read = owner.execute("select id from public.sms_log_events").fetchall()

    assert own
    assert sorted(read) == sorted(own)
    assert len(read) < everything


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
