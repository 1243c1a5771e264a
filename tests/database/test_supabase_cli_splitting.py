"""On awkward files too, our ledger holds what the Supabase CLI's holds, byte for byte."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from tests.catalog import catalog
from tests.supabase_cli import make_project, run_supabase

from ephraim_db.migrations import apply_migrations, find_migrations
from ephraim_db.postgres import Server, clone_database, drop_database

LEDGER = (
    "select version, name, statements from supabase_migrations.schema_migrations order by version"
)

AWKWARD: dict[str, str | bytes] = {
    "20200101000000_init.sql": "create table old_init (id int)",
    "README.md": "not a migration",
    "01_plain.sql": "create table a (id int);\n-- c; c\ncreate table b (id int) ;;\n ; \n",
    "02_bom_and_crlf.sql": b"\xef\xbb\xbfcreate table c (\r\n id int);\r\n\r\n-- hi\r\nselect 1;",
    "03_quotes.sql": (
        "create table \"q;\"\"x\" (v text default 'it''s;', w text default E'\\';',"
        " x text default U&'\\0061;'); comment on table a is 'ü; \u00a0';\u00a0select 1;"
    ),
    "04_atomic.sql": (
        "create function f(i int) returns int language sql\nbegin atomic\n"
        " select case when i > 0 then 1 else 2 end; -- x; end;\n select 3;\nend;\nselect f(1);"
        "create function g() returns int language sql begin atomic; select 1; END ;"
    ),
    "05_do.sql": "do $x$ begin if true then perform 2; end if; end $x$; select $a$;$b$;$a$;",
    "06_rule.sql": "create rule r as on insert to c do also (select 1; select 2); select 1",
    "07_comments.sql": "/* a; /* b; */ c; */ select 1; -- x\n/*/ ;*/ select 2; -- o;\n/* tail; */",
    "08_empty.sql": "",
    "09_only_a_comment.sql": "-- nothing;\n",
    "10_concurrently.sql": "select 1; create index concurrently on a (id); select 2;",
    "11_wrapped.sql": "begin;\ncreate table t1 (id int);\ncommit;\n-- done\n",
    "12_transactions.sql": "create table t2 (id int); begin; create table t3 (); rollback;",
    "13_none.sql": "-- pg-delta: transaction=false\nvacuum a;\ncreate table v (id int);",
    "14_search_path.sql": "select set_config('search_path', '', false);",
    "15_after_it.sql": "create table in_search_path (id int);",
    "16_name with space.x.sql": "select 'a'\n'b'; select E'a'\n'b\\';'; select 1 - -1, 2 / 1;",
    "17_enum.sql": "create type e as enum ('a'); alter type e add value 'b';",
    "18_identifiers.sql": 'create table a$b (id$ int); create table "é" (ü int); select 1;',
    "19_backslash.sql": "select 'a\\'; select 'b';",
    "20_words.sql": 'create table w ("end" int, begin int); select begin from w; select 1;',
    "21_deferred.sql": (
        "create table d (id int primary key, d int references d deferrable initially deferred);"
        "insert into d values (1, 2); insert into d values (2, 1);"
    ),
}


def compare(project: Path, cli_url: str, our_url: str) -> None:
    result = run_supabase(project, cli_url, "migration", "up", "--yes")
    assert result.status == 0, result.stderr
    with psycopg.connect(our_url) as connection:
        apply_migrations(connection, find_migrations(project))
        ours = connection.execute(LEDGER.encode()).fetchall()
    with psycopg.connect(cli_url) as connection:
        theirs = connection.execute(LEDGER.encode()).fetchall()
    assert ours == theirs != []
    assert catalog(our_url) == catalog(cli_url)


@pytest.fixture
def twin(server: Server, platform_template: str) -> Iterator[str]:
    """A second fresh project, as `empty_database` is the first."""
    clone_database(server, platform_template, "twin")
    yield server.url("twin", "postgres")
    drop_database(server, "twin")


def test_awkward_files_are_recorded_alike(empty_database: str, twin: str, tmp_path: Path) -> None:
    compare(make_project(tmp_path, AWKWARD), empty_database, twin)


def test_hundreds_of_made_up_files_are_recorded_alike(
    empty_database: str, twin: str, tmp_path: Path
) -> None:
    compare(make_project(tmp_path, dict(made_up_files(300))), empty_database, twin)


BETWEEN = ["", " ", "\n", "\r\n", "-- ; '\n", "/* ; ' /* $$ */ */", "\t-- E'\\'\r\n", "\u00a0"]
VALUES = ["'a;'", "'''; --'", "E'\\';'", "E'a'\n'\\';'", "E'a' -- '\n'\\';'", "$$;'$$", "2/1"]
VALUES += ["$q$ $$;$$ $q$", "((3) - -1)", "U&'\\0041;'", "'é;' || $ö$;$ö$", "1e3", "B'1'"]
ENDS = ["", ' as "x;"', " -- end; ;\n"]


def made_up_files(count: int) -> Iterator[tuple[str, str]]:
    """Statements that Postgres takes, with what could mislead a splitter in and between them."""
    dice = random.Random(20260127)
    for number in range(count):
        sql = ""
        for _ in range(dice.randint(1, 4)):
            values = ", ".join(dice.sample(VALUES, dice.randint(1, 3)))
            sql += f"{dice.choice(BETWEEN)}select {dice.choice(BETWEEN[:7])} {values}"
            sql += f"{dice.choice(ENDS)}{dice.choice(BETWEEN[:7])};{dice.choice(['', ';', ' ;;'])}"
        yield f"{number:04}_made_up.sql", sql + dice.choice(BETWEEN)
