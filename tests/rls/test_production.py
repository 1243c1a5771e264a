"""A database that people depend on is left alone unless somebody says otherwise."""

from __future__ import annotations

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from ephraim_db.errors import LooksLikeProduction
from ephraim_db.rls.production import RECENT_USERS, refuse_distant, refuse_production


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        ("db.abcdefghijklmnop.supabase.co", "hosted by Supabase"),
        ("aws-0-eu-west-1.pooler.supabase.com", "hosted by Supabase"),
        ("db.example.com", "not on this machine"),
    ],
)
def test_a_hosted_database_is_refused_by_its_name(url: str, host: str, reason: str) -> None:
    hosted = make_conninfo(url, host=host, hostaddr="127.0.0.1")
    with (
        psycopg.connect(hosted, autocommit=True) as connection,
        pytest.raises(LooksLikeProduction, match=f"{host} is {reason}.*--allow-production"),
    ):
        refuse_production(connection)


@pytest.mark.parametrize(
    ("host", "refused"),
    [("db.no-such-host.supabase.co", True), ("127.0.0.1,db.example.com", True), ("db.test", False)],
)
def test_a_hosted_database_is_refused_before_anything_connects(host: str, refused: bool) -> None:
    conninfo = f"host={host} user=postgres"
    if not refused:
        refuse_distant(conninfo)
        return
    with pytest.raises(LooksLikeProduction):
        refuse_distant(conninfo)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "postgres", "db.localhost", "db.test"])
def test_a_database_nearby_is_welcome(url: str, host: str) -> None:
    nearby = make_conninfo(url, host=host, hostaddr="127.0.0.1")
    with psycopg.connect(nearby, autocommit=True) as connection:
        refuse_production(connection)


@pytest.mark.parametrize("users", [RECENT_USERS - 1, RECENT_USERS])
def test_many_users_who_signed_in_of_late_are_no_seed(url: str, users: int) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "insert into auth.users (id, last_sign_in_at) "
            "select gen_random_uuid(), now() - interval '3 days' from generate_series(1, %s)",
            (users,),
        )
        if users < RECENT_USERS:
            refuse_production(connection)
        else:
            with pytest.raises(LooksLikeProduction, match=f"{users} users signed in"):
                refuse_production(connection)
