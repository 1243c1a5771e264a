"""Every answer: its headers, its refusals, its log line, and what it does when things go wrong."""

from __future__ import annotations

import contextlib
import logging
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from typing import Any
from uuid import UUID

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from tests.web.conftest import KNOWN, SUBS, SessionOf, cookie_header, field_of

from ephraim_db.local import LocalSupabase
from ephraim_db.local.background import HOST, listen, served
from ephraim_db.web import Personas, SharedSecret, create_app
from ephraim_db.web.forgery import make_form_token

PAGE = "/settings/integrations"
KEY = b"k" * 32


def make(local: LocalSupabase, origin: str, **options: Any) -> Starlette:
    return create_app(
        options.pop("supabase_url", local.api_url),
        local.anon_key,
        origin=origin,
        form_key=KEY,
        keys=SharedSecret(local.jwt_secret),
        issuer="supabase-demo",
        **options,
    )


@contextlib.asynccontextmanager
async def _lifespan(app: Starlette, _: Starlette) -> AsyncIterator[None]:
    async with app.router.lifespan_context(app):
        yield


@pytest.fixture
def serve(local: LocalSupabase) -> Iterator[Callable[..., httpx.Client]]:
    """Serves an app made with options, perhaps mounted below a path; returns a client for it."""
    with contextlib.ExitStack() as stack:

        def serve(below: str = "", origin: str | None = None, **options: Any) -> httpx.Client:
            listener = stack.enter_context(listen(None))
            url = f"http://{HOST}:{listener.getsockname()[1]}"
            app = make(local, origin or url, **options)
            host = app
            if below:
                host = Starlette(routes=[Mount(below, app)], lifespan=partial(_lifespan, app))
            stack.enter_context(served(host, listener))
            headers = {"Sec-Fetch-Site": "same-origin"}
            return stack.enter_context(httpx.Client(base_url=url, headers=headers))

        yield serve


def test_every_answer_is_shielded(http: httpx.Client, session_of: SessionOf) -> None:
    signed_in = session_of("admin")
    answers = [
        http.get(PAGE, headers=signed_in),
        http.get(PAGE),
        http.get("/settings/nowhere"),
        http.post(PAGE, headers=signed_in),
        http.post(f"{PAGE}/twilio", data={"to": "x" * 40_000}, headers=signed_in),
        http.get("/settings/sms-log.csv", headers=signed_in),
        http.get("/settings/components"),
    ]
    assert [answer.status_code for answer in answers] == [200, 401, 404, 405, 413, 200, 200]
    for answer in answers:
        headers = answer.headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script" not in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["cache-control"] == "no-store"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-content-type-options"] == "nosniff"
        assert "strict-transport-security" not in headers
        assert "<script" not in answer.text
        assert " style=" not in answer.text


def test_https_is_kept_to(serve: Callable[..., httpx.Client]) -> None:
    answer = serve(origin="https://app.example.com").get(PAGE)
    assert answer.headers["strict-transport-security"] == "max-age=31536000"


def test_the_style_is_cached_for_good_under_a_name_of_its_content(http: httpx.Client) -> None:
    path = re.search(r'href="([^"]+\.css)"', http.get(PAGE).text)
    assert path
    answer = http.get(path[1])
    assert answer.status_code == 200
    assert "immutable" in answer.headers["cache-control"]


def test_the_signed_out_get_401_and_a_link(http: httpx.Client) -> None:
    for path in (PAGE, "/settings/sms-log", "/settings/sms-log.csv", f"{PAGE}/twilio/remove"):
        answer = http.get(path)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert ">Sign in</a>" in answer.text


def test_a_form_outlives_its_session_but_for_secrets(
    http: httpx.Client, local: LocalSupabase, session_of: SessionOf
) -> None:
    token = field_of(http.get(PAGE, headers=session_of("admin")).text, "form_token")
    ended = local.access_token(SUBS["admin"], exp=int(time.time()) - 60)
    form = {
        "form_token": token,
        "twilio_account_sid": KNOWN.twilio_account_sid,
        "twilio_auth_token": KNOWN.twilio_auth_token,
        "twilio_phone_number": "+61491570156",
    }
    answer = http.post(f"{PAGE}/twilio", data=form, headers=cookie_header(ended))
    assert answer.status_code == 401
    assert "Your session has ended" in answer.text
    assert KNOWN.twilio_auth_token not in answer.text
    kept = {
        "form_token": field_of(answer.text, "form_token"),
        "twilio_account_sid": KNOWN.twilio_account_sid,
        "twilio_phone_number": "+61491570156",
        "twilio_auth_token": KNOWN.twilio_auth_token,
    }
    assert KNOWN.twilio_account_sid in answer.text
    again = http.post(f"{PAGE}/twilio", data=kept, headers=session_of("admin"))
    assert again.status_code == 303
    assert "done=twilio-saved" in again.headers["location"]


WRITES = [
    "twilio",
    "twilio/remove",
    "twilio/test",
    "xero",
    "xero/connect",
    "xero/choose",
    "xero/disconnect",
]


def test_no_write_without_our_own_form(http: httpx.Client, session_of: SessionOf) -> None:
    signed_in = session_of("admin")
    token = field_of(http.get(PAGE, headers=signed_in).text, "form_token")
    foreign = field_of(http.get(PAGE, headers=session_of("other_admin")).text, "form_token")
    for path in WRITES:
        url = f"{PAGE}/{path}"
        data = {"form_token": token}
        elsewhere = {**signed_in, "Sec-Fetch-Site": "cross-site"}
        assert http.post(url, headers=signed_in).status_code == 403
        answer = http.post(url, data={"form_token": foreign}, headers=signed_in)
        assert answer.status_code == 403
        assert http.post(url, data=data, headers=elsewhere).status_code == 403
        bare = httpx.post(str(http.base_url.join(url)), data=data, headers=signed_in)
        assert bare.status_code == 403
        assert http.post(url, data=data).status_code == 401


def test_the_database_refuses_members_who_forge_the_admins_forms(
    http: httpx.Client, session_of: SessionOf, form_token: Callable[[str], str]
) -> None:
    for persona in ("worker", "coordinator", "participant"):
        data = {
            "form_token": form_token(persona),
            "twilio_account_sid": KNOWN.twilio_account_sid,
            "twilio_auth_token": KNOWN.twilio_auth_token,
            "twilio_phone_number": KNOWN.twilio_phone_number,
            "xero_client_id": "mine",
            "xero_client_secret": "mine",
            "to": "+61491570156",
        }
        for path in WRITES:
            answer = http.post(f"{PAGE}/{path}", data=data, headers=session_of(persona))
            assert answer.status_code == 403, f"{persona} {path}"
            assert "only admins" in answer.text


@pytest.fixture
def form_token(page: Any) -> Callable[[str], str]:
    """Form tokens signed with the served page's own key, as only a leak would give them away."""
    mounted = page.app.routes[-1].app
    key = mounted.state.site.form_key
    return lambda name: make_form_token(UUID(SUBS[name]), key)


def test_it_is_mounted_below_a_path(
    serve: Callable[..., httpx.Client], session_of: SessionOf
) -> None:
    http = serve(below="/admin")
    answer = http.get("/admin/settings/integrations", headers=session_of("admin"))
    assert answer.status_code == 200
    links = re.findall(r'(?:href|action)="(/[^"]*)"', answer.text)
    assert links
    assert all(link.startswith("/admin/settings") for link in links)
    form = {"form_token": field_of(answer.text, "form_token")}
    done = http.post(
        "/admin/settings/integrations/twilio/remove", data=form, headers=session_of("admin")
    )
    assert done.headers["location"].startswith("/admin/settings/integrations?")


def test_supabase_away_is_told_and_says_that_nothing_changed(
    serve: Callable[..., httpx.Client], session_of: SessionOf
) -> None:
    with listen(None) as nobody:
        port = nobody.getsockname()[1]
    http = serve(supabase_url=f"http://127.0.0.1:{port}")
    answer = http.get(PAGE, headers=session_of("admin"), timeout=30)
    assert answer.status_code == 503
    assert "Nothing was changed" in answer.text
    assert answer.headers["cache-control"] == "no-store"


class Broken:
    """A service that fails in a way nobody foresaw, with a secret in its message."""

    async def send_test_sms(self, *_: object, **__: object) -> Any:
        raise RuntimeError(KNOWN.twilio_auth_token)


def test_what_nobody_foresaw_is_a_page_too_and_its_message_stays_out_of_the_log(
    serve: Callable[..., httpx.Client], session_of: SessionOf, caplog: pytest.LogCaptureFixture
) -> None:
    http = serve(sms=Broken())
    page = http.get(PAGE, headers=session_of("admin"))
    data = {"form_token": field_of(page.text, "form_token"), "to": "+61491570156"}
    with caplog.at_level(logging.DEBUG):
        answer = http.post(f"{PAGE}/twilio/test", data=data, headers=session_of("admin"))
    assert answer.status_code == 500
    assert "content-security-policy" in answer.headers
    assert KNOWN.twilio_auth_token not in answer.text + caplog.text
    assert "RuntimeError at " in caplog.text


def test_a_log_line_holds_no_query_and_no_path_that_nobody_knows(
    serve: Callable[..., httpx.Client], session_of: SessionOf, caplog: pytest.LogCaptureFixture
) -> None:
    http = serve()
    with caplog.at_level(logging.INFO, "ephraim_db.web"):
        http.get(f"{PAGE}/xero/callback?code=c0de&state=st4te", headers=session_of("admin"))
        http.get("/settings/+61491570156%0aforged", headers=session_of("admin"))
        http.get("/settings/icon.svg")
    lines = [record.message for record in caplog.records if record.name == "ephraim_db.web"]
    assert re.fullmatch(rf"GET {PAGE}/xero/callback 404 [\d.]+ ms", lines[0])
    assert re.fullmatch(r"GET - 404 [\d.]+ ms", lines[1])


def test_personas_are_for_loopback_only(local: LocalSupabase) -> None:
    anybody = Personas(("admin",), lambda _: "")
    for origin in (
        "http://192.168.0.7:8000",
        "https://app.example.com",
        "http://127.0.0.1.evil.com",
    ):
        with pytest.raises(ValueError, match="loopback"):
            make(local, origin, personas=anybody)


def test_a_foreign_name_for_this_machine_is_refused(http: httpx.Client) -> None:
    assert http.get(PAGE, headers={"Host": "evil.example"}).status_code == 400


def test_a_short_form_key_is_refused(local: LocalSupabase) -> None:
    with pytest.raises(ValueError, match="form_key"):
        create_app(local.api_url, local.anon_key, origin="http://127.0.0.1", form_key=b"short")


def test_the_persona_bar_leads_nowhere_else(http: httpx.Client) -> None:
    for back in (
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "evil",
        "\t//e.example",
    ):
        answer = http.post("/settings/act-as", data={"persona": "admin", "back": back})
        assert answer.headers["location"] in (PAGE, "/settings"), back
