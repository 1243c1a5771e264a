"""The pictures in docs/settings-page.md: each state, light and dark. `make screenshots` runs it."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright
from tests.conftest import PROJECT
from tests.web import test_accessibility as states
from tests.web.conftest import ACACIA, COOKIE, KNOWN, SUBS, set_up_keys

from ephraim_db.local import LocalSupabase, start_local
from ephraim_db.web.cookies import session_cookie
from ephraim_db.web.development import serve_settings_page

PICTURES = PROJECT / "docs" / "screenshots"
COLOURS = 96  # so that a picture is a few dozen kilobytes
_BODIES = (
    "Reminder: you have a shift tomorrow at 9:00 am with Pip Parker.",
    "Your support worker Will is running 10 minutes late.",
    "Your roster for next week is ready.",
)
_STATUSES = ("delivered",) * 7 + ("undelivered", "delivered", "sent", "failed")


def write_log(local: LocalSupabase) -> None:
    """Two weeks of messages, so that the log looks like one."""
    now = datetime.now(UTC)
    with psycopg.connect(local.server.url(local.database)) as connection:
        for number in range(130):
            status = _STATUSES[number % len(_STATUSES)]
            connection.execute(
                "insert into public.sms_logs (organization_id, to_phone, message_body, status, "
                "error_code, error_message, created_at) values (%s, %s, %s, %s, %s, %s, %s)",
                [
                    ACACIA,
                    f"+6149157{1000 + number * 7}",
                    _BODIES[number % 3],
                    status,
                    30005 if status in ("undelivered", "failed") else None,
                    "The number does not exist, or not any more." if status == "failed" else None,
                    now - timedelta(hours=2 + (number * number) % 317),
                ],
            )


@contextmanager
def opened(browser: Browser, origin: str, local: LocalSupabase, persona: str) -> Iterator[Page]:
    """A tab without the bar of personas, as a user sees the page."""
    context = browser.new_context(base_url=origin, bypass_csp=True)
    value = session_cookie(local.access_token(SUBS[persona]))
    context.add_cookies([{"name": COOKIE, "value": value, "url": origin}])
    yield context.new_page()
    context.close()


def with_few_colours(image: Image.Image) -> Image.Image:
    """Keep the commonest colours exactly, which are those of style.css; blends take the nearest."""
    found = image.getcolors(image.width * image.height) or []
    common = [colour for _, colour in sorted(found, reverse=True)[:COLOURS]]
    palette = Image.new("P", (1, 1))
    palette.putpalette([band for colour in common for band in colour])  # type: ignore[attr-defined]
    return image.quantize(palette=palette, dither=Image.Dither.NONE)


def picture(
    page: Page, name: str, *, width: int = 1120, part: str | None = None, height: int | None = None
) -> None:
    """Take it in both colour schemes: the whole page, its first `height` pixels, or a `part`."""
    page.set_viewport_size({"width": width, "height": height or 640})
    page.add_style_tag(content=".personas, .side li:nth-child(3) { display: none }")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        taken = (
            page.locator(part).screenshot() if part else page.screenshot(full_page=height is None)
        )
        small = with_few_colours(Image.open(io.BytesIO(taken)).convert("RGB"))
        path = PICTURES / f"{name}-{scheme}.png"
        small.save(path, optimize=True)
        print(f"{path.relative_to(PROJECT)}  {path.stat().st_size // 1024} KB")


def take(browser: Browser, local: LocalSupabase, origin: str) -> None:
    """Walk through the states, each reached from the one before."""
    with opened(browser, origin, local, "worker") as page:
        states.settings(page)
        picture(page, "read-only")
    with opened(browser, origin, local, "admin") as page:
        states.verified(page)
        page.wait_for_timeout(1500)
        page.reload()
        picture(page, "test-delivered", part="#twilio")
        states.settings(page)
        picture(page, "integrations")
        picture(page, "integrations-phone", width=360)
        states.message(page)
        picture(page, "message")
        states.errors(page)
        picture(page, "errors", height=1000)
        states.undelivered(page)
        page.wait_for_timeout(1500)
        states.settings(page)
        picture(page, "not-delivered", part="#twilio")
        states.refused(page)
        picture(page, "failing", part="#twilio")
        page.goto("/settings/integrations/xero/disconnect")
        picture(page, "disconnect")
        page.goto("/settings/sms-log")
        picture(page, "sms-log", height=1000)
        picture(page, "sms-log-phone", width=360, height=1000)
        page.goto("/settings/components")
        picture(page, "components")
        with psycopg.connect(local.server.url(local.database)) as connection:
            connection.execute(
                "update public.xero_connections "
                "set status = 'reauth_required', reauth_reason = 'refresh_refused'"
            )
        states.settings(page)
        picture(page, "reconnect", part="#xero")
        states.choosing(page)
        picture(page, "choose", part="#xero")
        states.unconfigured(page)
        picture(page, "unconfigured")


def main() -> None:
    """Serve the page over a local Supabase, and take every picture."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    program = shutil.which("chromium")
    if program is None:
        raise SystemExit("there is no Chromium: apt-get install chromium")
    with start_local(Path(PROJECT), postgres="embedded") as local:
        write_log(local)
        keyring = set_up_keys(local)
        with (
            serve_settings_page(local, SUBS, keyring, pretended=KNOWN) as served,
            sync_playwright() as playwright,
        ):
            served.twilio.accounts[KNOWN.twilio_account_sid].undeliverable["+61491570157"] = 30005
            browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
            take(browser, local, served.url.removesuffix("/settings/integrations"))
            browser.close()


if __name__ == "__main__":
    main()
