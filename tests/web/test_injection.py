"""Markup in every field, query and stored text stays text."""

from __future__ import annotations

from urllib.parse import quote

import psycopg
import pytest
from playwright.sync_api import Dialog, Page
from tests.web.conftest import ACACIA, Open, press, visit

from ephraim_db.local import LocalSupabase

ATTACK = (
    "\"'><img src=x onerror=alert(1)><svg onload=alert(2)><script>alert(3)</script>{{7777*7777}}"
)
EVALUATED = "60481729"


def assert_harmless(page: Page, where: str) -> None:
    assert not page.locator("img, script, iframe, object, [onerror], [onload]").count(), where
    assert EVALUATED not in page.locator("main").inner_text(), where


@pytest.fixture
def stored(local: LocalSupabase) -> None:
    """The attack in every text of the database that a page shows."""
    with psycopg.connect(local.server.url(local.database)) as connection:
        run = connection.execute
        run("set session_replication_role = replica")
        run("update public.organizations set name = %s, xero_client_id = %s", [ATTACK, ATTACK])
        run("update public.profiles set first_name = %s, last_name = %s", [ATTACK, ATTACK])
        run("update public.xero_connections set tenant_name = %s, last_error = %s", [ATTACK] * 2)
        run("update public.sms_logs set message_body = %s, error_message = %s", [ATTACK] * 2)
        run("update public.sms_log_events set note = %s, status = %s", [ATTACK, ATTACK[:64]])


def open_armed(open_page: Open, persona: str, path: str) -> Page:
    page = open_page(persona, path, javascript=True)
    alarms: list[str] = []

    def alarm(dialog: Dialog) -> None:
        alarms.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", alarm)
    page.reload()
    page.remove_listener("dialog", alarm)
    assert alarms == []
    return page


def test_stored_markup_stays_text(open_page: Open, stored: None) -> None:
    for persona in ("admin", "worker", "participant"):
        page = open_armed(open_page, persona, "/settings/integrations")
        assert_harmless(page, persona)
        assert ATTACK in page.locator(".top-name").inner_text()
        page = open_armed(open_page, persona, "/settings/sms-log")
        assert_harmless(page, f"{persona} log")
        assert ATTACK in page.locator(".log-body").first.inner_text()
        with page.expect_navigation():
            page.locator(".log-when a").first.click()
        assert_harmless(page, f"{persona} message")


def test_markup_in_forms_stays_text(open_page: Open) -> None:
    page = open_armed(open_page, "admin", "/settings/integrations")
    for name in ("twilio_account_sid", "twilio_auth_token", "twilio_phone_number"):
        page.evaluate(f"document.getElementById('{name}').removeAttribute('maxlength')")
        page.fill(f"#{name}", ATTACK)
    press(page, "Save")
    assert page.input_value("#twilio_account_sid") == ATTACK
    assert_harmless(page, "twilio")
    page.fill("#to", ATTACK[:32])
    press(page, "Send test")
    assert_harmless(page, "test")
    page.get_by_text("Xero app credentials").click()
    page.fill("#xero_client_id", ATTACK)
    press(page, "Save app credentials")
    assert_harmless(page, "xero")


def test_markup_in_queries_stays_text(open_page: Open) -> None:
    attack = quote(ATTACK)
    page = open_armed(open_page, "admin", "/settings/integrations")
    for query in (
        f"integrations?done={attack}&test={attack}",
        f"sms-log?status={attack}",
        f"sms-log?from={attack}&until={attack}",
        f"sms-log?after={attack}",
        f"sms-log.csv?status={attack}",
        f"{attack}",
        f"integrations/xero/callback?error={attack}&state={attack}",
    ):
        visit(page, f"/settings/{query}")
        assert_harmless(page, query)
        assert ACACIA not in page.content()
