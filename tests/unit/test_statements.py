"""SQL text is split where a statement ends, and nowhere else."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ephraim_db.migrations.statements import split_statements


def texts(sql: str) -> list[str]:
    return [statement.text for statement in split_statements(sql)]


@pytest.mark.parametrize(
    "statement",
    [
        "select 'a;b'",
        "select 'it''s; fine'",
        r"select 'a backslash is a letter \'",
        r"select E'it\'s; fine'",
        "select E'one'\n  'two\\';'",
        "select E'one' -- why\n'two\\';'",
        "select U&'\\0061;'",
        'select "a;""b"',
        "select /* one; /* two; */ three; */ 1",
        "select 1 -- one; two\n + 1",
        "select $$;$$",
        "select $body$ $$;$$ $other$;$body$",
        "select $größe$;$größe$",
        "create table a$b (id$ int)",
        "create rule r as on insert to t do also (insert into u values (1); select (2))",
        "create function f() returns int language sql begin atomic select 1; select 2; end",
        "create function f() returns int\nBEGIN\n  ATOMIC\nselect case 1 end; -- end;\nEND",
        "create procedure p() begin atomic; end",
        "do $$ begin if true then perform 1; end if; end $$",
        r"select '\\;' \; select 1",
    ],
)
def test_a_semicolon_inside_a_statement_does_not_end_it(statement: str) -> None:
    assert texts(f"{statement}; select 'after';") == [statement, "select 'after'"]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("", []),
        (" ;; \n;", []),
        ("select 1", ["select 1"]),
        ("select 1;;select 2;\n", ["select 1", "select 2"]),
        ("update t set begin = 1; end; select 1", ["update t set begin = 1", "end", "select 1"]),
        ("begin; select atomic; end; select 1", ["begin", "select atomic", "end", "select 1"]),
        ("select a$b$; select c$b$", ["select a$b$", "select c$b$"]),
        ("select 1 - -1; select 2 / 1", ["select 1 - -1", "select 2 / 1"]),
        (
            "select 1e3; select namee'a\\'; select 2",
            ["select 1e3", "select namee'a\\'", "select 2"],
        ),
        ("select 1;\r\n-- why\r\nselect 2;\r\n", ["select 1", "-- why\r\nselect 2"]),
        ("select 1; -- the end", ["select 1", "-- the end"]),
        ("select 1;\u00a0\ufeffselect 2", ["select 1", "select 2"]),
    ],
)
def test_statements_are_trimmed_and_empty_ones_left_out(sql: str, expected: list[str]) -> None:
    assert texts(sql) == expected


@pytest.mark.parametrize("opened", ["select 'a", 'select "a', "select $$a", "/* a", "select E'a\\"])
def test_what_is_never_closed_runs_to_the_end(opened: str) -> None:
    assert texts(f"select 1; {opened}; select 2") == ["select 1", f"{opened}; select 2"]


def test_a_statement_knows_where_its_code_begins() -> None:
    sql = "select 1;\n\n-- about\n/* the next */ create table t (id int);"
    _, second = split_statements(sql)
    assert sql[second.offset :].startswith("-- about")
    assert second.text[second.code :].startswith("create table")


@pytest.mark.parametrize(
    ("statement", "head"),
    [
        ("create table public.t (id int)", "create table public.t"),
        ("insert into t values ('secret')", "insert into t values"),
        ("alter role r password 'secret'", "alter role r password"),
        ("set my.key = secret", "set my.key"),
        ("do $$ secret $$", "do"),
        ("-- only a comment", ""),
    ],
)
def test_a_head_names_the_statement_and_stops_before_data(statement: str, head: str) -> None:
    assert split_statements(statement)[0].head == head


MARKS = [*";'\"$\\()/-1aé", "''", "$$", "$a$", "E'", "--", "/*", "*/", "begin", "atomic", "end"]
PIECES = st.sampled_from([*MARKS, " ", "\n", "\r"])


@given(st.lists(PIECES | st.text(max_size=3)).map("".join))
def test_nothing_is_lost_whatever_the_text(sql: str) -> None:
    position = 0
    for statement in split_statements(sql):
        assert sql[statement.offset :].startswith(statement.text)
        assert not sql[position : statement.offset].strip(
            "; \n\r\t\v\f\u00a0\u2028\u2029\ufeff\u3000"
        )
        assert 0 <= statement.code <= len(statement.text)
        position = statement.offset + len(statement.text)


@pytest.mark.parametrize(
    "sql",
    [
        "E'a' " + "-" * 50_000 + "\n;",
        "E'" + "''" * 50_000,
        "(" * 100_000,
        "/*" * 100_000,
        "$" * 100_000,
    ],
)
def test_time_grows_with_the_length_only(sql: str) -> None:
    start = time.process_time()
    split_statements(sql)
    assert time.process_time() - start < 2
