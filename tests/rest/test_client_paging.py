"""Pages of the SMS log hold steady: nothing is missed or told twice, whatever arrives meanwhile."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.rest.conftest import Api, organization_of, sub_of

from ephraim_db import Client

_DAYS = itertools.count(1)
_MICROSECOND = timedelta(microseconds=1)

# Few moments, so that many rows share one; the id decides among those.
moments = st.integers(0, 3)
rows = st.lists(st.tuples(moments, st.uuids(version=4)), max_size=12, unique_by=lambda row: row[1])
arrivals = st.lists(rows, max_size=4)
on_one_database = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def owner(shared_api: Api) -> Iterator[psycopg.Connection[dict[str, Any]]]:
    with shared_api.as_owner() as connection:
        yield connection


def insert(
    owner: psycopg.Connection[dict[str, Any]], day: datetime, added: list[tuple[int, UUID]]
) -> None:
    with owner.cursor() as cursor:
        cursor.executemany(
            "insert into sms_logs (id, organization_id, to_phone, message_body, created_at) "
            "values (%s, %s, '+61491570006', 'hello', %s) on conflict do nothing",
            [(row_id, organization_of("admin"), day + at * _MICROSECOND) for at, row_id in added],
        )


@on_one_database
@given(start=rows, meanwhile=arrivals, page_size=st.integers(1, 5))
def test_walking_the_pages_sees_every_row_once_in_order(
    shared_api: Api,
    owner: psycopg.Connection[dict[str, Any]],
    start: list[tuple[int, UUID]],
    meanwhile: list[list[tuple[int, UUID]]],
    page_size: int,
) -> None:
    day = datetime(2030, 1, 1, tzinfo=UTC) + timedelta(days=next(_DAYS))
    insert(owner, day, start)
    client = Client(shared_api("coordinator"))
    list_day = partial(
        client.list_sms_logs, created_from=day, created_before=day + timedelta(hours=1)
    )
    there = {log.id for log in list_day().items}
    seen: list[tuple[datetime, UUID]] = []
    after: str | None = None
    for _ in range(100):  # more pages than there can be rows
        page = list_day(page_size=page_size, after=after)
        assert len(page.items) <= page_size
        seen += [(log.created_at, log.id) for log in page.items]
        if meanwhile:
            insert(owner, day, meanwhile.pop())
        if (after := page.next) is None:
            break
    assert after is None
    assert seen == sorted(set(seen), reverse=True)
    assert there <= {row_id for _, row_id in seen}


def test_a_page_is_read_off_the_index_without_sorting(
    shared_api: Api, owner: psycopg.Connection[dict[str, Any]]
) -> None:
    claims = json.dumps({"sub": str(sub_of("coordinator")), "role": "authenticated"})
    with owner.transaction(force_rollback=True):
        owner.execute(
            "insert into sms_logs (organization_id, to_phone, message_body, created_at) "
            "select %s, '+61491570006', 'hello', now() + n * interval '1 second' "
            "from generate_series(1, 20000) as n",
            [organization_of("admin")],
        )
        owner.execute("analyze sms_logs")
        owner.execute("select set_config('request.jwt.claims', %s, true)", [claims])
        owner.execute("set local role authenticated")
        plan = owner.execute(
            "explain select id from sms_logs where created_at <= now() "
            "and (created_at < now() or id < %s) order by created_at desc, id desc limit 51",
            [UUID(int=0)],
        ).fetchall()
    text = "\n".join(str(line["QUERY PLAN"]) for line in plan)
    assert "sms_logs_organization_id_created_at_id_idx" in text
    assert "Sort" not in text
