"""What our rls.toml lets go unnoticed is noticed by nobody there could be."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from tests.rls.mutants.everybody import OURS, let_everybody_in

from ephraim_db.postgres import Server, clone_database, drop_database
from ephraim_db.rls.mutants.judging import Judge
from ephraim_db.rls.observing import observing
from ephraim_db.rls.unnoticed import Unnoticed

FOR_GOOD = [entry for entry in OURS.unnoticed if not entry.against]


@pytest.fixture(scope="module")
def judge(server: Server, project_template: str) -> Iterator[Judge]:
    """All of it observed as everybody."""
    clone_database(server, project_template, "everybody")
    with psycopg.connect(server.url("everybody", "postgres"), autocommit=True) as connection:
        personas = let_everybody_in(connection)
        with observing(connection, personas) as observation:
            yield Judge(observation)
    drop_database(server, "everybody")


@pytest.mark.parametrize("entry", FOR_GOOD, ids=lambda entry: entry.mutant)
def test_what_need_not_be_noticed_is_noticed_by_nobody(judge: Judge, entry: Unnoticed) -> None:
    meant = [mutant for mutant in judge.mutants if entry.holds_for(mutant.title)]
    assert [judge.judge(mutant).result for mutant in meant] == ["survived"] * len(meant) != []


def test_what_is_proven_to_be_equal_is_noticed_by_nobody(judge: Judge) -> None:
    one_of_each = {m.equivalent: m for m in judge.mutants if m.equivalent}
    looked = [judge.judge(mutant, proofs=False) for mutant in one_of_each.values()]
    assert [(one.mutant.title, one.why) for one in looked if one.result == "killed"] == []
    assert len(looked) > 30


@pytest.mark.parametrize(
    "title",
    [
        "function private.member_organization_id(): without p.is_active",
        "function private.own_participant_id(): returns null",
        "table public.participants: has no row security",
    ],
)
def test_what_is_broken_is_noticed_by_somebody(judge: Judge, title: str) -> None:
    [mutant] = [mutant for mutant in judge.mutants if mutant.title == title]
    assert judge.judge(mutant).result == "killed"
