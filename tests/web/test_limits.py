"""Test messages are few: five in ten minutes for an organization, however many processes ask."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx
import psycopg
import pytest
from tests.web.conftest import ACACIA, KNOWN, SUBS, SessionOf, field_of

from ephraim_db.local import LocalSupabase
from ephraim_db.web.development import DevelopmentPage

PAGE = "/settings/integrations"
BANKSIA = "b0000000-0000-4000-8000-000000000001"


def claims(sub: str) -> str:
    return f'{{"sub": "{sub}", "role": "authenticated"}}'


def ask(url: str, sub: str, organization: str) -> str | None:
    """Ask for a test on a connection of one's own; return the SQLSTATE of the refusal."""
    with psycopg.connect(url) as connection:
        connection.execute("set local role authenticated")
        connection.execute("select set_config('request.jwt.claims', %s, true)", [claims(sub)])
        try:
            connection.execute(
                "insert into public.credential_tests (organization_id, provider) "
                "values (%s, 'twilio')",
                [organization],
            )
        except psycopg.Error as error:
            return error.sqlstate
    return None


def test_five_in_ten_minutes_for_an_organization_at_once_over_many_connections(
    local: LocalSupabase,
) -> None:
    url = local.db_url
    with ThreadPoolExecutor(16) as threads:
        asked = list(threads.map(lambda _: ask(url, SUBS["admin"], ACACIA), range(16)))
    assert Counter(asked) == {None: 5, "PT429": 11}
    assert ask(url, SUBS["other_admin"], BANKSIA) is None


def test_who_may_not_ask_learns_nothing_of_the_limit(local: LocalSupabase) -> None:
    for _ in range(6):
        ask(local.db_url, SUBS["admin"], ACACIA)
    for persona in ("worker", "other_admin"):
        assert ask(local.db_url, SUBS[persona], ACACIA) == "42501"


@pytest.fixture
def form(http: httpx.Client, session_of: SessionOf) -> dict[str, str]:
    headers = session_of("admin")
    token = field_of(http.get(PAGE, headers=headers).text, "form_token")
    saved = {
        "form_token": token,
        "twilio_account_sid": KNOWN.twilio_account_sid,
        "twilio_auth_token": KNOWN.twilio_auth_token,
        "twilio_phone_number": KNOWN.twilio_phone_number,
    }
    assert http.post(f"{PAGE}/twilio", data=saved, headers=headers).status_code == 303
    return {"form_token": token, "to": "+61 491 570 156"}


def test_the_page_says_when_it_is_too_soon_and_sends_nothing(
    http: httpx.Client, session_of: SessionOf, page: DevelopmentPage, form: dict[str, str]
) -> None:
    headers = session_of("admin")
    answers = [http.post(f"{PAGE}/twilio/test", data=form, headers=headers) for _ in range(7)]
    statuses = [answer.status_code for answer in answers]
    sent = statuses.count(303)
    assert statuses == [303] * sent + [429] * (7 - sent)
    assert sent == 5
    assert "wait ten minutes" in answers[-1].text.lower()
    assert 'value="+61 491 570 156"' in answers[-1].text
    assert len(page.twilio.messages) == sent
