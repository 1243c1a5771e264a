"""The settings page over a fresh database and both fakes, and browsers to look at it with."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from tests.conftest import find_browser

from ephraim_db.cli.throwaway import publish_throwaway_key
from ephraim_db.local import LocalSupabase
from ephraim_db.rls import read_personas
from ephraim_db.sealing import Keyring
from ephraim_db.web.cookies import session_cookie
from ephraim_db.web.development import DevelopmentPage, Pretended, serve_settings_page

PATIENCE = 30_000  # milliseconds that a page may take on a machine with much else to do
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


Tabs = dict[bool, Page]
"""Those of a module, by whether they run JavaScript."""
Open = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium. Of a module: while it runs, this thread's event loop is Playwright's."""
    program = find_browser()
    assert program, "there is no Chromium: apt-get install chromium"
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def tabs(browser: Browser) -> Tabs:
    """The tabs of this module: one that is opened anew costs what four pages do."""
    return {}


def tab_of(browser: Browser, tabs: Tabs, *, javascript: bool, offline: bool = False) -> Page:
    """A tab as it is when it is new, but for what it shows."""
    if javascript not in tabs:
        context = browser.new_context(java_script_enabled=javascript, offline=offline)
        tabs[javascript] = context.new_page()
        tabs[javascript].set_default_timeout(PATIENCE)
    tab = tabs[javascript]
    tab.context.clear_cookies()
    tab.set_viewport_size({"width": 1280, "height": 720})
    tab.emulate_media(media="null", color_scheme="null", forced_colors="null")
    return tab


@pytest.fixture
def open_page(browser: Browser, tabs: Tabs, origin: str, local: LocalSupabase) -> Open:
    """Opens a page as a persona, by default without JavaScript, as the pages have none."""

    def open_page(
        persona: str | None, path: str = "/settings/integrations", *, javascript: bool = False
    ) -> Page:
        tab = tab_of(browser, tabs, javascript=javascript)
        if persona:
            value = session_cookie(local.access_token(SUBS[persona]))
            tab.context.add_cookies([{"name": COOKIE, "value": value, "url": origin}])
        tab.goto(origin + path)
        return tab

    return open_page


def visit(page: Page, path: str) -> None:
    """Go to another page of the same site."""
    page.goto(urljoin(page.url, path))


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
