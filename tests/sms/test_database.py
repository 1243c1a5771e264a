"""The trusted service reaches Postgres as the sender, and only as the sender."""

from __future__ import annotations

import asyncio
import logging

import psycopg
import pytest

from ephraim_db.database import AsyncDatabase, Database, Steps, first_row, rows, together
from ephraim_db.errors import ConnectionFailed, Forbidden, InvalidInput, NotTheSender, Rejected

ACACIA = "a0000000-0000-4000-8000-000000000001"
WHO = "select current_user::text as acts_as, session_user::text as login"
LOG = """
insert into public.sms_logs (organization_id, to_phone, message_body)
values (%(organization)s, %(to)s, 'hello')
returning status::text as status
"""


def log_two(second: str) -> Steps[None]:
    yield from first_row(LOG, organization=ACACIA, to="+61491570006")
    yield from first_row(LOG, organization=ACACIA, to=second)


def count() -> Steps[int]:
    row = yield from first_row("select count(*)::int as n from public.sms_logs")
    assert row is not None
    return int(row["n"])


def test_a_member_of_the_sender_acts_at_once(sender_url: str) -> None:
    with Database(sender_url) as database:
        assert database.run(first_row(WHO)) == {"acts_as": "sender_login", "login": "sender_login"}
        assert database.run(first_row(LOG, organization=ACACIA, to="+61491570006")) == {
            "status": "pending"
        }


def test_the_owner_steps_down_to_the_sender(database: str) -> None:
    with Database(database) as owner:
        assert owner.run(first_row(WHO)) == {"acts_as": "ephraim_sender", "login": "postgres"}
        with pytest.raises(Forbidden):
            owner.run(rows("delete from public.sms_logs"))


def test_steps_of_one_transaction_happen_together_or_not_at_all(sender_url: str) -> None:
    with Database(sender_url) as database:
        before = database.run(count())
        with pytest.raises(Rejected) as refused:
            database.run(together(log_two("not a number")))
        assert refused.value.constraint == "sms_logs_to_phone_e164"
        assert database.run(count()) == before
        database.run(together(log_two("+61491570156")))
        assert database.run(count()) == before + 2


def test_both_doors_answer_alike(sender_url: str) -> None:
    async def main() -> int:
        async with AsyncDatabase(sender_url) as database:
            before = await database.run(count())
            with pytest.raises(Rejected):
                await database.run(together(log_two("not a number")))
            await database.run(together(log_two("+61491570156")))
            return await database.run(count()) - before

    assert asyncio.run(main()) == 2


def test_a_login_that_is_no_member_is_named(server_login: str) -> None:
    with pytest.raises(NotTheSender, match='grant ephraim_sender to "stranger"'):
        Database(server_login).__enter__()


def test_no_error_repeats_what_was_sent(sender_url: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with Database(sender_url) as database, pytest.raises(Rejected) as refused:
        database.run(first_row(LOG, organization=ACACIA, to="a-private-number"))
    assert refused.value.__cause__ is None
    assert refused.value.__context__ is None
    assert "a-private-number" not in f"{refused.value!r}{caplog.text}"


def test_a_wrong_password_is_said_at_once_and_not_repeated(sender_url: str) -> None:
    login, _, rest = sender_url.partition("@")
    wrong = f"{login.rpartition(':')[0]}:mistaken@{rest}"
    with pytest.raises(ConnectionFailed) as refused:
        Database(wrong).__enter__()
    assert "mistaken" not in repr(refused.value)


def test_a_url_that_is_none_is_refused_without_repeating_it() -> None:
    with pytest.raises(InvalidInput) as refused:
        Database("postgresql//login:open-sesame@host/name")
    assert "open-sesame" not in repr(refused.value)
    assert refused.value.__context__ is None


def test_nothing_is_kept_in_the_session(database: str) -> None:
    with Database(database, connections=1) as owner:
        for _ in range(10):
            owner.run(first_row(LOG, organization=ACACIA, to="+61491570006"))
        with owner._pool.connection() as connection:
            state = connection.execute(
                "select current_setting('role') as role, "
                "(select count(*) from pg_prepared_statements) as prepared, "
                "(select count(*) from pg_locks where locktype = 'advisory') as locks"
            ).fetchone()
    assert state == {"role": "none", "prepared": 0, "locks": 0}


@pytest.fixture
def server_login(database: str, sender_url: str) -> str:
    """The URL of a login that is a member of nothing."""
    with psycopg.connect(sender_url.replace("sender_login", "postgres"), autocommit=True) as owner:
        if not owner.execute("select from pg_roles where rolname = 'stranger'").rowcount:
            owner.execute("create role stranger login password 'stranger'")
    host = database.partition("@")[2]
    return f"postgresql://stranger:stranger@{host}"
