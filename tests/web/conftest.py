"""The settings page over a fresh database and both fakes, and browsers to look at it with."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from tests.conftest import find_browser

from ephraim_db.cli.throwaway import publish_throwaway_key
from ephraim_db.local import LocalSupabase
from ephraim_db.rls import read_personas
from ephraim_db.sealing import Keyring
from ephraim_db.web.cookies import session_cookie
from ephraim_db.web.development import DevelopmentPage, Pretended, serve_settings_page

PROJECT = Path(__file__).parents[2]
SUBS = {
    persona.name: str(persona.sub)
    for persona in read_personas(PROJECT / "supabase" / "rls.toml").everyone
    if persona.sub
}
KNOWN = Pretended(
    twilio_account_sid="AC" + "5a" * 16,
    twilio_auth_token="tok-9d1f83a7c5e24b60",
    xero_client_secret="xero-4c7d02be91fa6358",
)
MOBILE = "+61 491 570 156"
ACACIA = "a0000000-0000-4000-8000-000000000001"


def set_up_keys(local: LocalSupabase) -> Keyring:
    """Publish a sealing key, and return what opens it."""
    return Keyring([publish_throwaway_key(local)])


@pytest.fixture
def page(local: LocalSupabase) -> Iterator[DevelopmentPage]:
    """The page, with a published sealing key."""
    keyring = set_up_keys(local)
    logging.getLogger("ephraim_db.web").setLevel(logging.INFO)
    with serve_settings_page(local, SUBS, keyring, pretended=KNOWN) as page:
        yield page


@pytest.fixture
def origin(page: DevelopmentPage) -> str:
    return page.url.removesuffix("/settings/integrations")


SessionOf = Callable[[str], dict[str, str]]
COOKIE = "sb-127-auth-token"


def cookie_header(access_token: str) -> dict[str, str]:
    """The header in which a browser sends the session."""
    return {"Cookie": f"{COOKIE}={session_cookie(access_token)}"}


@pytest.fixture
def session_of(local: LocalSupabase) -> SessionOf:
    """The cookie header of a persona's session."""
    return lambda name: cookie_header(local.access_token(SUBS[name]))


@pytest.fixture
def http(origin: str) -> Iterator[httpx.Client]:
    """A client that sends what a browser sends with our own forms."""
    with httpx.Client(base_url=origin, headers={"Sec-Fetch-Site": "same-origin"}) as http:
        yield http


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium. Of a module: while it runs, this thread's event loop is Playwright's."""
    program = find_browser()
    assert program, "there is no Chromium: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


Open = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser, origin: str, local: LocalSupabase) -> Iterator[Open]:
    """Opens a page as a persona, by default without JavaScript, as the pages have none."""
    contexts: list[BrowserContext] = []

    def open_page(
        persona: str | None, path: str = "/settings/integrations", **options: object
    ) -> Page:
        context = browser.new_context(
            **{"java_script_enabled": False, "base_url": origin, **options}  # type: ignore[arg-type]
        )
        contexts.append(context)
        context.set_default_timeout(10_000)
        if persona:
            value = session_cookie(local.access_token(SUBS[persona]))
            context.add_cookies([{"name": COOKIE, "value": value, "url": origin}])
        page = context.new_page()
        page.goto(path)
        return page

    yield open_page
    for context in contexts:
        context.close()


def press(page: Page, name: str) -> None:
    """Press the button of that name, and wait for the page that it leads to."""
    with page.expect_navigation():
        page.get_by_role("button", name=name, exact=True).click()


def follow(page: Page, name: str) -> None:
    """Follow the link of that name, and wait for the page that it leads to."""
    with page.expect_navigation():
        page.get_by_role("link", name=name).click()


def enter_credential(page: Page) -> None:
    """Enter the Twilio account that the fake knows, and save."""
    page.fill("#twilio_account_sid", KNOWN.twilio_account_sid)
    page.fill("#twilio_auth_token", KNOWN.twilio_auth_token)
    page.fill("#twilio_phone_number", KNOWN.twilio_phone_number)
    press(page, "Save")


def field_of(html: str, name: str) -> str:
    """The value of a hidden field."""
    return html.split(f'name="{name}" value="', 1)[1].split('"', 1)[0]
