"""However large the log, a policy asks who it is once, and a page is read off one index."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from bench.asking import DAY, FAILED, LATEST, PAGE_1000, SUBS, Asked, asked
from bench.filling import fill

from ephraim_db.postgres import Server, clone_database, drop_database

BY_TIME = "sms_logs_organization_id_created_at_id_idx"
BY_PARTICIPANT = "sms_logs_organization_id_related_participant_id_idx"
HELPERS_OF_STAFF = {"member_organization_id", "is_staff"}


@pytest.fixture(scope="module")
def filled(server: Server, project_template: str) -> Iterator[str]:
    """The URL of a database whose log is large enough for the planner to choose an index."""
    clone_database(server, project_template, "filled_log")
    with psycopg.connect(server.url("filled_log"), autocommit=True) as superuser:
        fill(superuser, rows=120_000, organizations=2)
    yield server.url("filled_log")
    drop_database(server, "filled_log")


@pytest.fixture
def superuser(filled: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(filled) as connection:
        connection.execute("set track_functions = 'all'")
        yield connection


def ask(superuser: psycopg.Connection, persona: str, query: str) -> Asked:
    return next(a for a in asked(superuser) if (a.persona, a.query) == (persona, query))


def act_as(connection: psycopg.Connection, persona: str) -> None:
    claims = json.dumps({"sub": SUBS[persona], "role": "authenticated"})
    connection.execute("select set_config('request.jwt.claims', %s, true)", (claims,))
    connection.execute("set local role authenticated")


def plan_of(connection: psycopg.Connection, query: str) -> list[dict[str, Any]]:
    """Every node of the plan, as it was run."""
    explain = f"explain (analyze, format json) {query}".encode()
    ((plans,),) = connection.execute(explain).fetchall()
    nodes = [plans[0]["Plan"]]
    for node in nodes:
        nodes += node.get("Plans", [])
    return nodes


@pytest.mark.parametrize("query", [LATEST, PAGE_1000, DAY, FAILED])
@pytest.mark.parametrize("persona", SUBS)
def test_each_helper_is_called_once_however_many_rows_there_are(
    persona: str, query: str, superuser: psycopg.Connection
) -> None:
    question = ask(superuser, persona, query).by_policy
    act_as(superuser, persona)
    nodes = plan_of(superuser, question)
    superuser.execute("reset role")
    calls: dict[str, int] = dict(
        superuser.execute(
            "select funcname, calls from pg_stat_xact_user_functions where schemaname = 'private'"
        ).fetchall()
    )

    own = {"own_participant_id"} if persona == "participant" else set()
    assert calls == dict.fromkeys(HELPERS_OF_STAFF | own, 1)
    asking = [n for n in nodes if n.get("Parent Relationship") == "InitPlan"]
    assert len(asking) == 3
    assert all(node["Actual Loops"] in (0, 1) for node in asking)


@pytest.mark.parametrize("query", [LATEST, PAGE_1000, DAY, FAILED])
@pytest.mark.parametrize("persona", SUBS)
def test_one_index_is_read_and_nothing_is_sorted(
    persona: str, query: str, superuser: psycopg.Connection
) -> None:
    question = ask(superuser, persona, query).by_policy
    act_as(superuser, persona)
    nodes = plan_of(superuser, question)

    kinds = {node["Node Type"] for node in nodes}
    if persona != "participant" or query == LATEST:  # the rest of theirs is less than it looks
        assert not kinds & {"Sort", "Incremental Sort"}
    (scan,) = [n for n in nodes if "Index Name" in n]
    assert scan["Index Name"] == (BY_PARTICIPANT if persona == "participant" else BY_TIME)
    assert "organization_id" in scan["Index Cond"]
    if query == DAY:
        assert scan["Node Type"] == "Index Only Scan"
    if query == LATEST:
        assert scan["Actual Rows"] == 50
        assert scan.get("Rows Removed by Filter", 0) == 0


@pytest.mark.parametrize("persona", SUBS)
@pytest.mark.parametrize("query", [LATEST, PAGE_1000, DAY, FAILED])
def test_the_filters_by_hand_that_are_measured_beside_it_give_the_same_rows(
    persona: str, query: str, superuser: psycopg.Connection
) -> None:
    question = ask(superuser, persona, query)
    act_as(superuser, persona)
    by_policy = superuser.execute(question.by_policy.encode()).fetchall()
    superuser.execute("reset role")  # and keep the claims, which the helpers ask for

    assert by_policy
    for by_hand in (question.by_helpers, question.by_lookups, question.by_ids):
        assert superuser.execute(by_hand.encode()).fetchall() == by_policy
