"""A fresh database is what a fresh Supabase project is."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from ephraim_db.errors import PostgresError
from ephraim_db.postgres import (
    DefaultGrants,
    Server,
    clone_database,
    create_database,
    drop_database,
)

Connection = psycopg.Connection


@pytest.fixture(scope="module")
def fresh(server: Server) -> Iterator[str]:
    create_database(server, "fresh")
    yield "fresh"
    drop_database(server, "fresh")


@pytest.fixture
def postgres(server: Server, fresh: str) -> Iterator[Connection]:
    """A connection as role postgres, rolled back afterwards."""
    with psycopg.connect(server.url(fresh, "postgres")) as connection:
        yield connection
        connection.rollback()


def one(connection: Connection, query: str, *parameters: object) -> object:
    row = connection.execute(query.encode(), parameters or None).fetchone()
    assert row is not None
    return row[0]


def test_migrations_run_as_postgres_which_is_no_superuser(postgres: Connection) -> None:
    assert one(postgres, "select current_user::text") == "postgres"
    assert one(postgres, "select current_setting('is_superuser')") == "off"
    assert (
        one(
            postgres,
            "select pg_get_userbyid(datdba)::text from pg_database where"
            " datname = current_database()",
        )
        == "postgres"
    )


def test_names_are_uuids_of_the_rfc(postgres: Connection) -> None:
    for version, expected in ((3, uuid.uuid3), (5, uuid.uuid5)):
        for name in ("", "example.org", "Zoë 🙂"):
            made = one(postgres, f"select uuid_generate_v{version}(uuid_ns_dns(), %s)", name)
            assert made == expected(uuid.NAMESPACE_DNS, name)
    clock = one(postgres, "select uuid_generate_v1()")
    assert isinstance(clock, uuid.UUID)
    assert clock.version == 1
    assert clock.variant == uuid.RFC_4122


@pytest.mark.parametrize(
    "extension", ["pgcrypto", "uuid-ossp", "moddatetime", "citext", "pg_trgm", "pg_stat_statements"]
)
def test_extensions_that_projects_ask_for_are_there(postgres: Connection, extension: str) -> None:
    postgres.execute(f'create extension if not exists "{extension}"'.encode())


def test_a_policy_that_reads_auth_users_fails_as_on_supabase(postgres: Connection) -> None:
    postgres.execute("set local role authenticated")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        postgres.execute("select from auth.users")


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("request.jwt.claims", '{"sub": "11111111-1111-4111-8111-111111111111"}'),
        ("request.jwt.claim.sub", "11111111-1111-4111-8111-111111111111"),
    ],
)
def test_auth_uid_is_who_the_token_names(postgres: Connection, setting: str, value: str) -> None:
    postgres.execute("select set_config(%s, %s, true)", [setting, value])
    assert str(one(postgres, "select auth.uid()")) == "11111111-1111-4111-8111-111111111111"


@pytest.mark.parametrize(
    ("flavour", "expected"),
    [
        ("legacy", {"SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"}),
        ("explicit", {"TRUNCATE", "REFERENCES", "TRIGGER"}),
    ],
)
def test_a_new_table_grants_what_its_flavour_of_project_grants(
    server: Server, flavour: DefaultGrants, expected: set[str]
) -> None:
    name = f"flavour_{flavour}"
    create_database(server, name, default_grants=flavour)
    try:
        with psycopg.connect(server.url(name, "postgres")) as connection:
            connection.execute("create table public.notes (id int)")
            granted = connection.execute(
                "select privilege_type from information_schema.role_table_grants"
                " where table_name = 'notes' and grantee = 'anon'"
            ).fetchall()
        assert {row[0] for row in granted} - {"MAINTAIN"} == expected
    finally:
        drop_database(server, name)


def test_a_clone_keeps_owner_settings_and_rows(server: Server) -> None:
    create_database(server, "original")
    with psycopg.connect(server.url("original", "postgres"), autocommit=True) as connection:
        connection.execute("create table public.notes as select 1 as id")
    with psycopg.connect(server.url("original"), autocommit=True) as connection:
        connection.execute('alter database original set "app.settings.colour" = \'deep "red"\'')
        connection.execute("alter role anon in database original set statement_timeout = '1s'")
    clone_database(server, "original", "copy")
    try:
        with psycopg.connect(server.url("copy", "postgres")) as connection:
            assert one(connection, "select current_setting('app.settings.colour')") == 'deep "red"'
            assert one(connection, "select id from public.notes") == 1
            assert (
                one(
                    connection,
                    "select pg_get_userbyid(datdba)::text from pg_database where datname = 'copy'",
                )
                == "postgres"
            )
            assert one(
                connection,
                "select setconfig from pg_db_role_setting s join pg_database d"
                " on d.oid = s.setdatabase where datname = 'copy' and setrole <> 0",
            ) == ["statement_timeout=1s"]
    finally:
        drop_database(server, "copy")
        drop_database(server, "original")


def test_a_database_with_something_in_it_is_never_overwritten(server: Server, fresh: str) -> None:
    with pytest.raises(PostgresError, match="fresh exists and is not empty"):
        create_database(server, fresh)


def test_every_object_is_open_to_the_api_roles_but_for_rls(postgres: Connection) -> None:
    postgres.execute("insert into storage.buckets (id, name) values ('avatars', 'avatars')")
    postgres.execute(
        "insert into storage.objects (bucket_id, name) values ('avatars', 'a/b.c.png')"
    )
    assert (
        one(
            postgres,
            "select (storage.foldername(name), storage.filename(name),"
            " storage.extension(name))::text"
            " from storage.objects",
        )
        == "({a},b.c.png,png)"
    )
    postgres.execute("set local role anon")
    assert one(postgres, "select count(*) from storage.objects") == 0


def test_objects_are_not_deleted_by_sql(postgres: Connection) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        postgres.execute("delete from storage.objects")


STAND_INS = {
    "supabase_vault": "select vault.create_secret('s', 'n')",
    "pg_net": "select net.http_post('https://example.org', body => '{}')",
    "pg_cron": "select cron.schedule('nightly', '0 0 * * *', 'select 1')",
    "pgmq": "select pgmq.create('jobs'); select pgmq.send('jobs', '{}');"
    " select * from pgmq.read('jobs', 1, 1)",
    "vector": "create table docs (e extensions.vector(3) default '[1,2,3]');"
    " create index on docs using hnsw (e extensions.vector_cosine_ops);"
    " insert into docs default values;"
    " select e OPERATOR(extensions.<=>) '[0,0,1]'::extensions.vector from docs",
}


@pytest.mark.parametrize("extension", STAND_INS)
def test_a_pretended_extension_lets_migrations_pass(postgres: Connection, extension: str) -> None:
    postgres.execute(f"create extension if not exists {extension}".encode())
    postgres.execute(STAND_INS[extension].encode())


def test_what_is_pretended_is_named_and_what_is_real_is_not(server: Server) -> None:
    pretended = create_database(server, "named").pretended
    try:
        assert "pgjwt" in pretended
        assert not {"pgcrypto", "moddatetime", "citext", "pg_trgm"} & set(pretended)
    finally:
        drop_database(server, "named")


def test_two_databases_are_made_side_by_side(server: Server) -> None:
    names = [f"side_{number}" for number in range(4)]
    with ThreadPoolExecutor(len(names)) as pool:
        list(pool.map(lambda name: create_database(server, name), names))
    for name in names:
        drop_database(server, name)
