"""Whatever the settings page is sent, it answers with a page, and shows no secret or traceback."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from urllib.parse import urlencode

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.fuzz.profiles import tried
from tests.web.conftest import KNOWN, PROJECT, SUBS, cookie_header, field_of, set_up_keys

from ephraim_db.local import LocalSupabase, serve_database
from ephraim_db.postgres import Server, clone_database, drop_database
from ephraim_db.web.development import serve_settings_page

PAGE = "/settings/integrations"
POSTED = ["twilio", "twilio/remove", "twilio/test", "xero", "xero/connect", "xero/choose"]
POSTED += ["xero/disconnect"]
READ = ["integrations", "integrations/twilio/remove", "integrations/xero/callback", "sms-log"]
READ += [
    "sms-log.csv",
    "sms-log/a0000000-0000-4000-8000-000000000505",
    "components",
    "integrations/xero/disconnect",
]
NAMES = ["twilio_account_sid", "twilio_auth_token", "twilio_phone_number", "sms_enabled", "to"]
NAMES += ["xero_client_id", "xero_client_secret", "choice", "tenant", "authorization", "x"]
ASKED = ["done", "test", "again", "status", "from", "until", "after", "before", "code", "state"]
ASKED += ["error", "limit"]

texts = (
    st.sampled_from(["", KNOWN.twilio_account_sid, "+61491570156", "on", "0", "-1", "9" * 400])
    | st.sampled_from(["\0", "\x1b[2J", "\u202e", "\ufffe", "<script>", "{{7*7}}", "' or 1=1 --"])
    | st.sampled_from(["2026-02-01", "0001-01-01", "9999-12-31", "2026-02-30", "x" * 5000, "٣"])
    | st.text(max_size=30)
)
forms = st.dictionaries(st.sampled_from(NAMES), texts, max_size=8)
queries = st.lists(st.tuples(st.sampled_from(ASKED), texts), max_size=4)
personas = st.sampled_from(["admin", "admin", "worker", "participant", "inactive"])


@pytest.fixture(scope="module")
def local(server: Server, project_template: str) -> Iterator[LocalSupabase]:
    clone_database(server, project_template, "fuzzed_forms")
    with serve_database(server, "fuzzed_forms", project=PROJECT) as local:
        yield local
    drop_database(server, "fuzzed_forms")


@pytest.fixture(scope="module")
def http(local: LocalSupabase) -> Iterator[httpx.Client]:
    keyring = set_up_keys(local)
    with serve_settings_page(local, SUBS, keyring, pretended=KNOWN) as page:
        origin = page.url.removesuffix(PAGE)
        with httpx.Client(base_url=origin, headers={"Sec-Fetch-Site": "same-origin"}) as http:
            yield http


@pytest.fixture(scope="module")
def tokens(http: httpx.Client, local: LocalSupabase) -> dict[str, str]:
    """The form token of each persona who may see the page; those of the others are another's."""
    found = dict.fromkeys(SUBS, "x")
    for name in ("admin",):
        page = http.get(PAGE, headers=cookie_header(local.access_token(SUBS[name])))
        found[name] = field_of(page.text, "form_token")
    return found


def with_another(headers: dict[str, str], value: str) -> dict[str, str]:
    """Add the cookie that the page gives browsers it sends to Xero."""
    return {"Cookie": f"{headers['Cookie']}; ephraim_db_xero={value}"}


def assert_told(answer: httpx.Response, caplog: pytest.LogCaptureFixture) -> None:
    """A page or a way to one; 500 is what nobody foresaw."""
    assert answer.status_code < 500, [r.getMessage() for r in caplog.records]
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    for never in ("Traceback", "seal:v1:", KNOWN.twilio_auth_token, KNOWN.xero_client_secret):
        assert never not in answer.text


@tried(30, long=300)
@example("admin", "xero/connect", {}, True, "")  # the seeded secret opens for nobody
@example("admin", "xero/connect", {}, True, "too short")
@given(personas, st.sampled_from(POSTED), forms, st.booleans(), st.text("ab=;%", max_size=50))
def test_a_form_is_answered_whatever_is_in_it(
    http: httpx.Client,
    local: LocalSupabase,
    tokens: dict[str, str],
    caplog: pytest.LogCaptureFixture,
    persona: str,
    path: str,
    form: dict[str, str],
    honest: bool,
    cookie: str,
) -> None:
    caplog.set_level(logging.ERROR)
    answer = http.post(
        f"{PAGE}/{path}",
        data={**form, "form_token": tokens[persona] if honest else "forged"},
        headers=with_another(cookie_header(local.access_token(SUBS[persona])), cookie),
    )
    assert_told(answer, caplog)
    if not honest or persona != "admin":
        assert answer.status_code == 403


@tried(30, long=300)
@given(personas, st.sampled_from(READ), queries)
def test_a_page_is_answered_whatever_is_asked(
    http: httpx.Client,
    local: LocalSupabase,
    caplog: pytest.LogCaptureFixture,
    persona: str,
    path: str,
    query: list[tuple[str, str]],
) -> None:
    caplog.set_level(logging.ERROR)
    answer = http.get(
        f"/settings/{path}?{urlencode(query)}",
        headers=cookie_header(local.access_token(SUBS[persona])),
    )
    assert_told(answer, caplog)


@tried(25, long=300)
@given(
    st.sampled_from(POSTED),
    st.binary(max_size=400),
    st.sampled_from(
        [
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "multipart/form-data",
            "multipart/form-data; boundary=",
            "application/json",
            "text/plain; charset=utf-7",
            "",
        ]
    ),
    st.sampled_from(
        ["", "--x\r\n", 'Content-Disposition: form-data; name="a"; filename="b"\r\n\r\n']
    ),
)
def test_a_body_is_answered_whatever_it_is(
    http: httpx.Client,
    local: LocalSupabase,
    caplog: pytest.LogCaptureFixture,
    path: str,
    body: bytes,
    content_type: str,
    start: str,
) -> None:
    caplog.set_level(logging.ERROR)
    answer = http.post(
        f"{PAGE}/{path}",
        content=start.encode() + body,
        headers={
            **cookie_header(local.access_token(SUBS["admin"])),
            "content-type": content_type,
        },
    )
    assert_told(answer, caplog)
    assert answer.status_code in (400, 403)


@tried(25, long=300)
@given(
    st.binary(max_size=60) | st.sampled_from([b"base64-", b"base64-e30", b"%00", b"=;=;", b"\xff"])
)
def test_a_cookie_is_answered_whatever_it_is(
    http: httpx.Client, caplog: pytest.LogCaptureFixture, cookie: bytes
) -> None:
    caplog.set_level(logging.ERROR)
    kept = bytes(byte for byte in cookie if byte >= 32)
    answer = http.get(PAGE, headers={b"cookie": b"sb-127-auth-token=" + kept.strip()})
    assert_told(answer, caplog)
    assert answer.status_code == 401
