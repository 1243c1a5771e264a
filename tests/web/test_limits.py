"""Test messages are few: five in ten minutes for an organization, however many processes ask."""

from __future__ import annotations

import httpx
import pytest
from tests.web.conftest import KNOWN, SessionOf, field_of

from ephraim_db.web.development import DevelopmentPage

PAGE = "/settings/integrations"
BANKSIA = "b0000000-0000-4000-8000-000000000001"


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
