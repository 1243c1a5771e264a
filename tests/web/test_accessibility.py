"""Every page in every state against axe-core, on small screens, zoomed, and in the dark."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import psycopg
import pytest
from playwright.sync_api import Page
from tests.conftest import PROJECT
from tests.web.conftest import (
    ACACIA,
    COOKIE,
    KNOWN,
    MOBILE,
    SUBS,
    Open,
    enter_credential,
    press,
    visit,
)

from ephraim_db.local import LocalSupabase
from ephraim_db.web.cookies import session_cookie
from ephraim_db.web.development import DevelopmentPage

AXE = PROJECT / "node_modules" / "axe-core" / "axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]

State = Callable[[Page], None]


def violations(page: Page) -> list[str]:
    """What axe-core finds, as readable lines; injected over the debugger, past the CSP."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    looked = (
        "const told = {runOnly: {type: 'tag', values: tags}, resultTypes: ['violations']};"
        "const {passes, violations} = await axe.run(document, told);"
        "return {passes: passes.length, violations}"
    )
    found = page.evaluate(f"async tags => {{ {looked} }}", TAGS)
    assert found["passes"], "axe looked at nothing"
    return [
        f"{violation['id']}: {node['html'][:120]} {node['failureSummary']}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]


def overflow(page: Page) -> int:
    """By how many pixels the page is wider than its window."""
    width: int = page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    return width


def settings(page: Page) -> None:
    visit(page, "/settings/integrations")


def refused(page: Page) -> None:
    visit(page, "/settings/integrations")
    enter_credential(page)
    page.fill("#twilio_auth_token", "not the account's")
    press(page, "Save")
    page.fill("#to", MOBILE)
    press(page, "Send test")
    visit(page, "/settings/integrations")


def undelivered(page: Page) -> None:
    visit(page, "/settings/integrations")
    enter_credential(page)
    page.fill("#to", "+61491570157")
    press(page, "Send test")
    visit(page, "/settings/integrations")


def verified(page: Page) -> None:
    visit(page, "/settings/integrations")
    enter_credential(page)
    page.fill("#to", MOBILE)
    press(page, "Send test")


def errors(page: Page) -> None:
    visit(page, "/settings/integrations")
    page.fill("#twilio_account_sid", "AC1")
    page.fill("#twilio_phone_number", "1")
    press(page, "Save")


def open_app(page: Page) -> None:
    visit(page, "/settings/integrations")
    if not page.locator("details[open]").count():
        page.get_by_text("Xero app credentials").click()


def choosing(page: Page) -> None:
    visit(page, "/settings/integrations/xero/disconnect")
    press(page, "Disconnect")
    open_app(page)
    page.fill("#xero_client_id", KNOWN.xero_client_id)
    page.fill("#xero_client_secret", KNOWN.xero_client_secret)
    press(page, "Save app credentials")
    press(page, "Connect to Xero")
    for box in page.get_by_role("checkbox").all():
        box.check()
    press(page, "Allow access")


def unconfigured(page: Page) -> None:
    visit(page, "/settings/integrations/twilio/remove")
    press(page, "Remove token")
    open_app(page)
    page.fill("#xero_client_id", "")
    press(page, "Save app credentials")


def message(page: Page) -> None:
    visit(page, "/settings/sms-log")
    with page.expect_navigation():
        page.locator(".log-when a").first.click()


def at(path: str) -> State:
    return lambda page: visit(page, path)


# In this order: each is reached from the one before.
ADMINS_STATES: dict[str, State] = {
    "settings": settings,
    "errors": errors,
    "verified": verified,
    "undelivered": undelivered,
    "refused": refused,
    "remove token": at("/settings/integrations/twilio/remove"),
    "disconnect": at("/settings/integrations/xero/disconnect"),
    "choosing": choosing,
    "unconfigured": unconfigured,
    "log": at("/settings/sms-log"),
    "empty log": at("/settings/sms-log?status=canceled"),
    "wrong filter": at("/settings/sms-log?from=2026-02-02&until=2026-02-01"),
    "message": message,
    "components": at("/settings/components"),
    "not found": at("/settings/nowhere"),
}


@pytest.fixture
def undeliverable(page: DevelopmentPage) -> None:
    """A number that Twilio takes and the carrier does not."""
    page.twilio.accounts[KNOWN.twilio_account_sid].undeliverable["+61491570157"] = 30005


@pytest.fixture
def reauthorization_needed(local: LocalSupabase) -> None:
    with psycopg.connect(local.server.url(local.database)) as connection:
        connection.execute(
            "update public.xero_connections "
            "set status = 'reauth_required', reauth_reason = 'refresh_refused'"
        )


def each_look(page: Page) -> Iterator[str]:
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        yield scheme


def findings(page: Page, name: str) -> list[str]:
    found = [f"{name} {look}: {line}" for look in each_look(page) for line in violations(page)]
    for width, height in ((360, 740), (720, 450), (1440, 900)):  # a phone, 200% zoom, a desk
        page.set_viewport_size({"width": width, "height": height})
        if (pixels := overflow(page)) > 0:
            found.append(f"{name} at {width}: {pixels} px too wide")
    return found


def test_a_barrier_is_found(open_page: Open) -> None:
    """The tool is at work: a picture without words, and text one can hardly read."""
    page = open_page("admin", javascript=True)
    page.evaluate(
        "document.querySelector('.lead').style.color = '#ddd';"
        "document.querySelector('main').append(new Image())"
    )
    found = "\n".join(violations(page))
    assert "image-alt" in found
    assert "color-contrast" in found


def test_an_admins_every_state_is_accessible(open_page: Open, undeliverable: None) -> None:
    page = open_page("admin", javascript=True)
    found: list[str] = []
    for name, reach in ADMINS_STATES.items():
        reach(page)
        found += findings(page, name)
    assert found == []


def test_reconnecting_is_asked_for_accessibly(
    open_page: Open, reauthorization_needed: None
) -> None:
    page = open_page("admin", javascript=True)
    assert page.get_by_role("button", name="Reconnect to Xero").count()
    assert page.get_by_role("alert").filter(has_text="connect again").count()
    assert findings(page, "reconnect") == []


def test_what_others_see_is_accessible(open_page: Open) -> None:
    found: list[str] = []
    for persona in ("worker", "participant", "inactive", None):
        page = open_page(persona, javascript=True)
        found += findings(page, str(persona))
    assert found == []


def test_an_ended_session_is_told_accessibly(
    open_page: Open, local: LocalSupabase, origin: str
) -> None:
    page = open_page("admin", javascript=True)
    ended = session_cookie(local.access_token(SUBS["admin"], exp=int(time.time()) - 60))
    page.context.add_cookies([{"name": COOKIE, "value": ended, "url": origin}])
    page.fill("#twilio_phone_number", "+61491570156")
    press(page, "Save")
    assert page.get_by_role("heading", name="Your session has ended").count()
    assert page.input_value("#twilio_phone_number") == "+61491570156"
    assert findings(page, "ended") == []


def test_printing_leaves_out_what_paper_cannot_do(open_page: Open) -> None:
    page = open_page("admin", path="/settings/sms-log", javascript=True)
    page.emulate_media(media="print")
    assert not page.locator(".side, .filters, .personas").filter(visible=True).count()
    assert page.locator(".log tbody tr").filter(visible=True).count() == 5


def test_less_colour_is_no_less_information(open_page: Open) -> None:
    """Badges say in words what their colours say."""
    page = open_page("admin", path="/settings/sms-log", javascript=True)
    page.emulate_media(forced_colors="active")
    texts = page.locator(".log .badge").all_inner_texts()
    assert sorted({text.strip() for text in texts}) == ["Delivered", "Failed"]
    assert ACACIA not in page.content()
