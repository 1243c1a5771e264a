"""Any sequence of reports ends in the state of the highest rank."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.sms.conftest import ACACIA

from ephraim_db.sms_logs import SmsStatus

RANK = {
    "pending": 0,
    "unknown": 1,
    "accepted": 2,
    "scheduled": 2,
    "queued": 3,
    "receiving": 3,
    "sending": 4,
    "sent": 5,
    "partially_delivered": 6,
    "received": 7,
    "delivered": 7,
    "undelivered": 7,
    "failed": 7,
    "canceled": 7,
    "read": 8,
}


SETTINGS = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def connection(sender_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(sender_url, autocommit=True) as connection:
        yield connection


def end_of(
    connection: psycopg.Connection, statuses: list[str], together: int = 1
) -> tuple[str, list[str]]:
    """Return where the message ends, and every status it was reported to have.

    So many are reported `together`, every second one by the SID alone, and beside each lot one that
    is about nobody.
    """
    row = connection.execute(
        "insert into public.sms_logs (organization_id, to_phone, message_body) "
        "values (%s, '+61491570156', 'hello') returning id",
        [ACACIA],
    ).fetchone()
    assert row is not None
    sid = "SM" + uuid4().hex
    ids = [None if n % 2 else row[0] for n in range(len(statuses))]
    for start in range(0, len(statuses), together):
        lot = statuses[start : start + together]
        count = len(lot) + 1
        connection.execute(
            "select from private.advance_sms_logs("
            "%s::uuid[], %s::uuid[], %s, %s, %s, %s::integer[], %s)",
            [
                [ACACIA] * count,
                [*ids[start : start + together], None],
                [*[sid] * len(lot), "SM" + uuid4().hex],
                ["callback"] * count,
                [*lot, "sent"],
                [None] * count,
                [None] * count,
            ],
        )
    end = connection.execute(
        "select status::text from public.sms_logs where id = %s", [row[0]]
    ).fetchone()
    heard = connection.execute(
        "select status from public.sms_log_events where sms_log_id = %s order by id", [row[0]]
    ).fetchall()
    assert end is not None
    return end[0], [h[0] for h in heard]


def test_every_status_has_a_rank() -> None:
    assert set(RANK) == {str(status) for status in SmsStatus}


@settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(st.sampled_from([*RANK, "a status of tomorrow"]), max_size=8),
    st.integers(1, 8),
)
def test_any_sequence_ends_at_the_highest_rank(
    connection: psycopg.Connection, statuses: list[str], together: int
) -> None:
    end, heard = end_of(connection, statuses, together)
    assert heard == statuses
    known = ["pending", *(status for status in statuses if status in RANK)]
    highest = max(RANK[status] for status in known)
    # A message that failed cannot have been read after all: the first end stands.
    ends = [status for status in known if RANK[status] >= 7]
    if ends and ends[0] not in {"delivered", "read"}:
        assert end == ends[0]
    else:
        assert RANK[end] == highest


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.permutations(["queued", "sent", "delivered", "read", "sent", "queued"]))
def test_the_reports_of_one_message_end_alike_in_any_order(
    connection: psycopg.Connection, statuses: list[str]
) -> None:
    assert end_of(connection, statuses)[0] == "read"
