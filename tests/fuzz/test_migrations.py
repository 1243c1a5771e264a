"""Whatever is in a file, it is applied and recorded, or neither, or what it left is told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.fuzz.profiles import tried

from ephraim_db.errors import InvalidProject, MigrationError, MigrationFailed
from ephraim_db.migrations import apply_migrations, find_migrations, migration_status
from ephraim_db.postgres import Server, clone_database, drop_database

Connection = psycopg.Connection[Any]

WHOLE = [
    "create table a (i int)",
    "create table b (i int)",
    "select 'é;'",
    "insert into a values (1)",
]
WHOLE += [
    "do $$ begin perform 1; end $$",
    "do $$ begin commit; end $$",
    "set role anon",
    "reset all",
]
WHOLE += ["create function f() returns text language sql as $x$ select '$$;$$' $x$", "vacuum"]
WHOLE += ["create index concurrently on a (i)", "set client_encoding = 'UTF8'", "savepoint s"]
CONTROL = ["begin", "commit", "rollback", "end", "start transaction", "abort", "commit and chain"]
ALIEN = [r"\connect x", r"\i x.sql", r"\copy a from 'x'", r"\restrict x", "copy a from stdin"]
ALIEN += ["copy a to /* ; */ stdout", "set client_encoding to latin1", "set names 'sjis'", r"\."]
BROKEN = ["bad", "select 1/0", "select $1", "'", '"', "$x$", "/*", "*/", "(((", ")", "$$", "E'\\"]
BROKEN += ["\0", "\ufeff", "\x1a", "\u00a0", "\ud7ff", "--", "begin atomic", "%s", "1\t2"]
ENDS = [";", ";\n", ";\r\n", "\r", "\n", " ; -- x\n", "; /* ; /* */ ; */", ""]

statement = st.sampled_from(WHOLE) | st.sampled_from([*WHOLE, *CONTROL, *ALIEN, *BROKEN])
ended = st.tuples(statement, st.sampled_from(ENDS)).map("".join)
texts = st.lists(ended, max_size=7).map("".join)
encodings = st.sampled_from(
    [*["utf-8"] * 9, "utf-8-sig", "utf-16", "utf-16-le", "latin-1", "utf-32"]
)


@pytest.fixture(scope="module")
def url(server: Server, platform_template: str) -> Iterator[str]:
    clone_database(server, platform_template, "fuzzed_migrations")
    yield server.url("fuzzed_migrations", "postgres")
    drop_database(server, "fuzzed_migrations")


@pytest.fixture(scope="module")
def owner(server: Server, url: str) -> Iterator[Connection]:
    with psycopg.connect(server.url("fuzzed_migrations"), autocommit=True) as connection:
        yield connection


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "supabase" / "migrations").mkdir(parents=True)
    return tmp_path


def emptied(owner: Connection) -> None:
    owner.execute(
        "do $$ declare r record; begin "
        "for r in select oid::regclass as name from pg_class "
        "where relnamespace = 'public'::regnamespace and relkind = 'r' loop "
        "execute format('drop table %s cascade', r.name); end loop; "
        "drop function if exists public.f(); "
        "drop schema if exists supabase_migrations cascade; end $$"
    )


def tables(owner: Connection) -> list[str]:
    return [
        row[0]
        for row in owner.execute(
            "select relname from pg_class where relnamespace = 'public'::regnamespace union all "
            "select proname from pg_proc where pronamespace = 'public'::regnamespace order by 1"
        )
    ]


def recorded(owner: Connection) -> list[list[str]]:
    ledger = "supabase_migrations.schema_migrations"
    row = owner.execute("select to_regclass(%s) is not null", [ledger]).fetchone()
    if not (row and row[0]):
        return []
    return [row[0] for row in owner.execute(f"select statements from {ledger}".encode())]


def applied(url: str, owner: Connection, project: Path, content: bytes) -> MigrationError | None:
    """Apply one file over an empty database; check what holds whatever comes of it."""
    (project / "supabase" / "migrations" / "01_fuzzed.sql").write_bytes(content)
    emptied(owner)
    before, error = tables(owner), None
    with psycopg.connect(url, autocommit=True) as connection:
        try:
            apply_migrations(connection, find_migrations(project))
        except MigrationError as refusal:
            error = refusal
    after, ledger = tables(owner), recorded(owner)
    if error is None:
        [migration] = find_migrations(project)
        assert ledger == [[statement.text for statement in migration.statements]]
        with psycopg.connect(url, autocommit=True) as connection:
            [status] = migration_status(connection, [migration])
        assert status.state == "applied"
    else:
        assert ledger == [], error
        assert "01_fuzzed.sql" in str(error)
        assert "password" not in str(error)
        if not (isinstance(error, MigrationFailed) and error.left_behind):
            assert after == before, error
    return error


@tried(60, long=400)
@example("create table a (i int);\0", "utf-8")
@example("create table a (i int);do $$ begin commit; end $$;bad;", "utf-8")
@given(texts, encodings)
def test_a_file_is_applied_and_recorded_or_neither(
    url: str, owner: Connection, project: Path, text: str, encoding: str
) -> None:
    applied(url, owner, project, text.encode(encoding, "replace"))


MADE = "create table a (i int);\n"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (f"{MADE}\\connect other\ncreate table b ();", r":2: statement 2 .*\\connect is a command"),
        (f"{MADE}\\i other.sql", r"\\i is a command of psql, not SQL: leave the line out"),
        (f"{MADE}\\copy a from 'x'", r"\\copy is a command of psql"),
        (f"{MADE}copy a from stdin;\n1\n\\.\n", ":2: .*copy from stdin .* write insert"),
        (f"{MADE}copy a from --\n stdin;", ":2: .*copy from stdin .* write insert"),
        (f"{MADE}commit; copy a from stdin;", "copy from stdin .* Nothing of the file was applied"),
        (f"{MADE}set client_encoding = 'LATIN1';", ":2: .*migrations are UTF-8"),
        (f"{MADE}/* never closed; create table b ();", ":2: .*unterminated /\\* comment"),
        (f"{MADE}select 'never closed;", ":2: .*unterminated quoted string"),
        (f"{MADE}do $x$ begin;", ":2: .*unterminated dollar-quoted string"),
        (f"{MADE}select {'(' * 20_000}1{')' * 20_000};", ":2: .*(memory exhausted|stack depth)"),
        (f"{MADE}select 1;\0", ":2 holds a NUL byte.*Save it as UTF-8"),
        ("begin; create table a ();", "begins a transaction that it does not commit"),
        (f"{MADE}do $$ begin commit; end $$; bad;", "statements before it stay applied"),
    ],
)
def test_what_is_no_migration_is_refused_with_what_to_do(
    url: str, owner: Connection, project: Path, content: str, told: str
) -> None:
    error = applied(url, owner, project, content.encode())
    assert error is not None
    with pytest.raises(MigrationError, match=told):
        raise error


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-32", "latin-1", "cp1252"])
def test_a_file_in_another_encoding_is_refused(
    url: str, owner: Connection, project: Path, codec: str
) -> None:
    error = applied(url, owner, project, "select 'é';".encode(codec))
    assert isinstance(error, InvalidProject)
    assert "save it as UTF-8" in str(error).replace("Save", "save")


@pytest.mark.parametrize(
    "content",
    [
        "set client_encoding = 'UTF8'; set client_encoding to utf8; set names default",
        "select 1 /* " + "/*" * 500 + "*/" * 500 + " */",
        "do $a$ declare x text; begin x := $b$ $$;$$ $b$; end $a$",
        "select 1;\r\n\r\n-- why\r\nselect 'a\r\nb';\r\n",
        "\ufeffselect '100%', 5 % 3, '%s', '%(a)s'",
        f"create table a (t text); insert into a values ('{'x' * 10_000_000}')",
        "create table a (t text); insert into a values "
        + ", ".join(["('" + "x" * 80 + "')"] * 10_000),
        MADE + "insert into a values (1);\n" * 5_000,
    ],
    ids=lambda content: content[:30],
)
def test_a_file_that_looks_odd_and_is_sound_is_applied(
    url: str, owner: Connection, project: Path, content: str
) -> None:
    assert applied(url, owner, project, content.encode()) is None


@pytest.mark.parametrize("name", [b"01_\xff.sql", b"01_\x1b[2J.sql"])
def test_a_name_that_does_not_print_is_refused(project: Path, name: bytes) -> None:
    folder = bytes(project / "supabase" / "migrations")
    Path((folder + b"/" + name).decode("utf-8", "surrogateescape")).write_text("select 1")
    with pytest.raises(InvalidProject, match="does not print: rename it"):
        find_migrations(project)
