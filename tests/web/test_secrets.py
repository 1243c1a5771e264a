"""No secret comes out again: the whole story's pages, cookies and log are searched for each."""

from __future__ import annotations

import logging

import pytest
from playwright.sync_api import Page, Response
from tests.web.conftest import KNOWN, MOBILE, SUBS, Open, enter_credential, follow, press, visit

from ephraim_db.local import LocalSupabase
from ephraim_db.web.development import DevelopmentPage


class Everything:
    """All that a browser received: bodies and headers, and what it holds at the end."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.texts: list[str] = []
        page.on("response", self._take)

    def _take(self, response: Response) -> None:
        self.texts.append(repr(response.headers))
        self.texts.append(response.url)

    def look(self) -> None:
        self.texts.append(self.page.content())

    def text(self) -> str:
        return "\n".join(self.texts)


def test_no_secret_in_pages_cookies_or_the_log(
    open_page: Open,
    page: DevelopmentPage,
    local: LocalSupabase,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    tab = open_page("admin")
    seen = Everything(tab)

    tab.fill("#twilio_account_sid", "AC-wrong")
    tab.fill("#twilio_auth_token", KNOWN.twilio_auth_token)
    press(tab, "Save")
    seen.look()
    enter_credential(tab)
    seen.look()
    tab.fill("#to", MOBILE)
    press(tab, "Send test")
    seen.look()
    follow(tab, "See its history")
    seen.look()
    visit(tab, "/settings/integrations/xero/disconnect")
    press(tab, "Disconnect")
    seen.look()
    tab.get_by_text("Xero app credentials").click()
    tab.fill("#xero_client_id", KNOWN.xero_client_id)
    tab.fill("#xero_client_secret", KNOWN.xero_client_secret)
    press(tab, "Save app credentials")
    seen.look()
    press(tab, "Connect to Xero")
    tab.get_by_role("checkbox").first.check()
    press(tab, "Allow access")
    seen.look()
    assert "Connected to Xero" in tab.content()

    mounted = page.app.routes[-1].app  # type: ignore[attr-defined]
    session = next(c["value"] for c in tab.context.cookies() if c["name"].startswith("sb-"))
    secrets = {
        "the auth token": KNOWN.twilio_auth_token,
        "the client secret": KNOWN.xero_client_secret,
        "an envelope": "seal:v1:",
        "the JWT secret": local.jwt_secret,
        "the service key": local.service_role_key,
        "the anonymous key": local.anon_key,
        "the form key": mounted.state.site.form_key.decode("latin-1"),
        "the session": session,
        "a bearer token": "Bearer ey",
    }
    ledger = page.xero.ledger
    secrets |= {f"Xero's token {n}": t for n, t in enumerate([*ledger.access, *ledger.refresh])}
    assert len(secrets) >= 11
    cookies = repr([cookie for cookie in tab.context.cookies() if cookie["value"] != session])
    in_pages = [name for name, secret in secrets.items() if secret in seen.text() + cookies]
    assert in_pages == []
    ours = "\n".join(
        record.getMessage()
        for record in caplog.records
        if not record.name.startswith(("asyncio", "httpcore", "hpack"))
    )
    assert "POST /settings/integrations/twilio 303" in ours
    assert [name for name, secret in secrets.items() if secret in ours] == []
    private = {"a number": "491570156", "a message": "SMS is set up", "a user": SUBS["admin"]}
    lines = "\n".join(r.getMessage() for r in caplog.records if r.name == "ephraim_db.web")
    assert [name for name, text in private.items() if text in lines] == []
