"""What would reach outside the database is left alone, and said to be unproven."""

from __future__ import annotations

import psycopg
import pytest
from tests.rls.conftest import NOTES, PEOPLE, Look
from tests.rls.saying import word

from ephraim_db.postgres import Server
from ephraim_db.rls import Matrix, build_matrix, observe
from ephraim_db.rls.probes import COMMANDS, Command

FOREIGN = """
create extension file_fdw schema extensions;
create server files foreign data wrapper file_fdw;
create foreign table public.lines (line text) server files options (filename '/etc/hostname');
grant all on public.lines to anon, authenticated;
"""


def doubts(matrix: Matrix, relation: str, command: Command) -> set[str]:
    return {
        u.reason
        for u in matrix.unproven
        if (u.persona, u.relation, u.command) == ("ann", f"public.{relation}", command)
    }


@pytest.fixture
def look_as_superuser(server: Server, url: str) -> Look:
    def look(*sql: str) -> Matrix:
        admin = server.url(str(psycopg.conninfo.conninfo_to_dict(url)["dbname"]))
        with psycopg.connect(admin, autocommit=True) as connection:
            for script in sql:
                connection.execute(script.encode())
            return build_matrix(PEOPLE.everyone, observe(connection, PEOPLE))

    return look


def test_a_foreign_table_and_what_is_made_of_it_are_not_read(look_as_superuser: Look) -> None:
    matrix = look_as_superuser(
        NOTES,
        FOREIGN,
        "create view public.lengths as select length(line) as length from public.lines;",
    )
    for relation in ("lines", "lengths"):
        assert word(matrix, "ann", relation, "SELECT") == "unproven"
        assert any("lines is a foreign table" in r for r in doubts(matrix, relation, "SELECT"))
    assert word(matrix, "ann", "notes", "SELECT") == "hidden"


def test_a_materialized_view_of_a_foreign_table_is_here_and_read(look_as_superuser: Look) -> None:
    kept = "create materialized view public.kept as select line from public.lines;"
    assert word(look_as_superuser(FOREIGN, kept), "ann", "kept", "SELECT") == "allowed all"


TRIGGER = """
create function public.tell() returns trigger language plpgsql as $$
begin
    if current_user = 'nobody' then perform {}; end if;
    return new;
end $$;
create trigger tell after insert on public.notes for each row execute function public.tell();
"""


def test_a_table_whose_trigger_reaches_outside_is_read_but_not_written_to(look: Look) -> None:
    matrix = look(NOTES, TRIGGER.format("extensions.http_get('http://localhost')"))
    assert word(matrix, "service", "notes", "SELECT") == "allowed all"
    for command in COMMANDS[1:]:
        assert word(matrix, "service", "notes", command) == "unproven"
        assert any("http_get" in reason for reason in doubts(matrix, "notes", command)), (
            matrix.unproven
        )


def test_a_trigger_that_queues_a_request_never_sends_it_and_is_tried(look: Look) -> None:
    matrix = look(NOTES, TRIGGER.format("net.http_post('http://localhost')"))
    assert word(matrix, "service", "notes", "INSERT") == "allowed all"


STORED = """
insert into storage.buckets (id, name) values ('b', 'b');
insert into storage.objects (bucket_id, name, owner, owner_id)
select 'b', u.id::text || '.png', u.id, u.id::text from auth.users as u;
"""
POLICY = """
create policy "owners read their files" on storage.objects for select to authenticated
using (owner_id = (select auth.uid())::text);
"""


def test_storage_is_asked_under_the_policies_a_project_wrote_for_it(look: Look) -> None:
    matrix = look(NOTES, STORED, POLICY)
    (cell,) = matrix.find("ann", "storage.objects", "SELECT")
    assert (cell.outcome, cell.scope, cell.decided_by) == (
        "allowed",
        "own",
        "owners read their files",
    )


def test_storage_without_policies_is_left_out(look: Look) -> None:
    assert "storage.objects" not in {r.name for r in look(NOTES, STORED).relations}
