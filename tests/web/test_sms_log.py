"""The SMS log: pages, filters, the CSV and the chart, as far as the database lets each see."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.web.conftest import ACACIA, SessionOf

from ephraim_db import AsyncClient, SmsLogPage
from ephraim_db.errors import ConnectionFailed
from ephraim_db.local import LocalSupabase
from ephraim_db.sms_logs import SmsStatus
from ephraim_db.web import chart
from ephraim_db.web.filters import read_filters
from ephraim_db.web.wording import STATUS_GROUPS, ago, phone, status_tone

LOG = "/settings/sms-log"
SYDNEY = ZoneInfo("Australia/Sydney")


def bodies(html: str) -> list[str]:
    return re.findall(r'class="log-body">([^<]*)<', html)


def write(local: LocalSupabase, *messages: tuple[str, str, datetime]) -> None:
    with psycopg.connect(local.server.url(local.database)) as connection:
        for body, status, moment in messages:
            connection.execute(
                "insert into public.sms_logs (organization_id, to_phone, message_body, status, "
                "created_at) values (%s, '+61491570156', %s, %s, %s)",
                [ACACIA, body, status, moment],
            )


def test_pages_hold_steady_while_messages_arrive(
    http: httpx.Client, session_of: SessionOf, local: LocalSupabase
) -> None:
    at_once = datetime(2026, 3, 1, tzinfo=UTC)
    write(local, *((f"message {number}", "delivered", at_once) for number in range(60)))
    headers, url, read = session_of("admin"), LOG, []
    while True:
        html = http.get(url, headers=headers).text
        read += bodies(html)
        write(local, ("later", "queued", datetime.now(UTC)))
        older = re.search(r'href="([^"]+)" rel="next"', html)
        if not older:
            break
        url = older[1].replace("&amp;", "&")
    ours = [body for body in read if body.startswith("message")]
    assert Counter(ours) == Counter(f"message {number}" for number in range(60))
    assert "later" not in read


def test_filters_ask_for_a_status_and_for_days_on_the_organizations_clock(
    http: httpx.Client, session_of: SessionOf, local: LocalSupabase
) -> None:
    midnight = datetime(2026, 3, 2, tzinfo=SYDNEY)
    write(
        local,
        ("the day before", "delivered", midnight - timedelta(seconds=1)),
        ("the day", "delivered", midnight),
        ("the day, failed", "failed", midnight + timedelta(hours=23, minutes=59)),
        ("the day after", "delivered", midnight + timedelta(days=1)),
    )
    headers, day = session_of("worker"), {"from": "2026-03-02", "until": "2026-03-02"}
    answer = http.get(LOG, params=day, headers=headers)
    assert bodies(answer.text) == ["the day, failed", "the day"]
    answer = http.get(LOG, params={**day, "status": "failed"}, headers=headers)
    assert bodies(answer.text) == ["the day, failed"]


@pytest.mark.parametrize(
    "query",
    [
        {"status": "gone"},
        {"from": "yesterday"},
        {"from": "2026-03-02", "until": "2026-03-01"},
        {"until": "1999-01-01"},
        {"from": "2026-W10"},
    ],
    ids=str,
)
def test_a_filter_that_makes_no_sense_is_told(query: dict[str, str]) -> None:
    filters = read_filters(query, SYDNEY)
    assert len(filters.errors) == 1
    assert filters.asked == {}


def test_a_cursor_of_other_filters_is_no_page(http: httpx.Client, session_of: SessionOf) -> None:
    for after in ("A" * 43, "nonsense", "\x00"):
        answer = http.get(LOG, params={"after": after}, headers=session_of("admin"))
        assert answer.status_code == 404


def test_members_see_what_the_database_lets_them_see(
    http: httpx.Client, session_of: SessionOf
) -> None:
    def seen(persona: str) -> int:
        return len(bodies(http.get(LOG, headers=session_of(persona)).text))

    assert [seen(p) for p in ("admin", "coordinator", "worker", "participant")] == [5, 5, 5, 1]
    html = http.get(LOG, headers=session_of("admin")).text
    path = re.search(rf'href="({LOG}/[0-9a-f-]+)"', html)
    assert path
    assert http.get(path[1], headers=session_of("worker")).status_code == 200
    for persona in ("participant", "other_admin"):
        assert http.get(path[1], headers=session_of(persona)).status_code == 404


def test_the_csv_holds_every_message_once_and_no_formula(
    http: httpx.Client, session_of: SessionOf, local: LocalSupabase
) -> None:
    at_once = datetime(2026, 3, 1, tzinfo=UTC)
    formula = '=HYPERLINK("http://evil.example","x")'
    write(local, *((f"message {number}", "delivered", at_once) for number in range(1100)))
    write(local, (formula, "queued", at_once), ("two\nlines, and a comma", "queued", at_once))
    with http.stream("GET", f"{LOG}.csv", headers=session_of("admin")) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/csv")
        assert 'filename="sms-log.csv"' in answer.headers["content-disposition"]
        assert "content-length" not in answer.headers  # it streams
        text = answer.read().decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert Counter(row["message_body"] for row in rows).most_common(1)[0][1] <= 4  # seeded alike
    assert sum(row["message_body"].startswith("message ") for row in rows) == 1100
    assert "'" + formula in {row["message_body"] for row in rows}
    assert "two\nlines, and a comma" in {row["message_body"] for row in rows}
    assert rows[0]["to_phone"] == "+61491570156"


def test_half_a_csv_is_not_taken_for_a_whole_one(
    http: httpx.Client,
    session_of: SessionOf,
    local: LocalSupabase,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    at_once = datetime(2026, 3, 1, tzinfo=UTC)
    write(local, *((f"message {number}", "delivered", at_once) for number in range(600)))
    real = AsyncClient.list_sms_logs

    async def breaking(self: AsyncClient, **given: Any) -> SmsLogPage:
        if given.get("after"):
            raise ConnectionFailed
        return await real(self, **given)

    monkeypatch.setattr(AsyncClient, "list_sms_logs", breaking)
    with http.stream("GET", f"{LOG}.csv", headers=session_of("admin")) as answer:
        assert answer.status_code == 200
        with pytest.raises(httpx.RemoteProtocolError):
            answer.read()


def test_the_csv_takes_the_pages_filters_and_refuses_whom_the_page_refuses(
    http: httpx.Client, session_of: SessionOf
) -> None:
    answer = http.get(f"{LOG}.csv?status=failed", headers=session_of("admin"))
    assert len(list(csv.DictReader(io.StringIO(answer.text)))) == 1
    answer = http.get(f"{LOG}.csv", headers=session_of("participant"))
    assert len(list(csv.DictReader(io.StringIO(answer.text)))) == 1
    assert http.get(f"{LOG}.csv").status_code == 401


def test_the_chart_counts_the_days_of_the_organizations_clock(
    http: httpx.Client, session_of: SessionOf, local: LocalSupabase
) -> None:
    now = datetime.now(UTC)
    old = now - timedelta(days=30)
    write(
        local, ("a", "delivered", now), ("b", "failed", now), ("c", "sent", now), ("d", "sent", old)
    )
    told = http.get(LOG, headers=session_of("admin")).text
    assert "Messages per day over 14 days: 1 arrived, 1 on the way, 1 not delivered." in told
    told = http.get(LOG, headers=session_of("participant")).text
    assert "No messages in these days." in told


COUNTS = st.lists(
    st.tuples(
        st.integers(0, 20).map(lambda days: date(2026, 3, 1) - timedelta(days=days)),
        st.sampled_from(SmsStatus),
        st.integers(1, 10**6),
    )
)


@given(COUNTS)
def test_bars_stay_inside_and_totals_add_up(counts: list[tuple[date, str, int]]) -> None:
    drawn = chart.draw(counts, date(2026, 3, 1), 14)
    for bar in drawn.bars:
        assert 0 <= bar.x <= bar.x + bar.width <= chart.WIDTH
        assert -0.1 <= bar.y <= bar.y + bar.height <= chart.HEIGHT + 0.1
    within = sum(n for day, _, n in counts if day > date(2026, 3, 1) - timedelta(days=14))
    assert sum(band.total for band in drawn.bands) == within


def test_every_status_has_a_group_and_a_tone() -> None:
    grouped = [status for _, statuses in STATUS_GROUPS for status in statuses]
    assert sorted(grouped) == sorted(SmsStatus)
    assert all(status_tone(status) != "neutral" for status in SmsStatus)
    assert status_tone("a word Twilio adds") == "neutral"


def test_times_and_numbers_are_said_as_people_say_them() -> None:
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    said = [ago(now - timedelta(seconds=seconds), now) for seconds in (5, 61, 7300, 90_000, 9e6)]
    assert said == ["just now", "1 minute ago", "2 hours ago", "1 day ago", "on 17 Nov 2025"]
    assert phone("+61491570156") == "+61 491 570 156"
    assert phone("+15005550006") == "+15005550006"
