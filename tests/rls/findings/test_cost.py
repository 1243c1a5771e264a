"""A policy that works for every row what it could work once is found, with the measured gain."""

from __future__ import annotations

import re

import psycopg
import pytest
from tests.rls.findings.conftest import EVERYONE, PLAIN, run_psql, shows
from tests.rls.findings.test_docs import SECTIONS

from ephraim_db.rls.findings import Finding, examine
from ephraim_db.rls.findings.slow_policies import RULE, Cost

MY_TEAM = """
create function public.my_team() returns uuid language plpgsql stable security definer as $$
begin return (select n.team_id from public.notes as n where n.user_id = auth.uid() limit 1); end $$;
create policy "team" on public.notes for select to authenticated using (team_id = {});
"""


def search(url: str, *sql: str) -> list[Finding]:
    with psycopg.connect(url, autocommit=True) as connection:
        for script in sql:
            connection.execute(script.encode())
        return list(examine(connection, EVERYONE, rules=[Cost(5_000)]).findings)


@pytest.mark.parametrize(("call", "found"), [("public.my_team()", 1), ("(select my_team())", 0)])
def test_a_call_for_every_row_is_found(url: str, call: str, found: int) -> None:
    findings = search(url, PLAIN, MY_TEAM.format(call))
    assert [f.relation for f in findings] == ["public.notes"] * found
    for finding in findings:
        assert shows(run_psql(url, finding.sql)), finding
        assert "(select my_team())" in finding.fix
        assert search(url, finding.fix) == []


def test_the_example_of_the_docs_is_found_and_its_fix_makes_it_go(url: str) -> None:
    example, fix = re.findall(r"```sql(?: fix)?\n(.*?)```", SECTIONS[RULE], re.DOTALL)
    assert [f.rule for f in search(url, PLAIN, example)] == [RULE]
    assert search(url, fix) == []
