"""The application: routes and what surrounds them.

request --> Shield --> Starlette --> signed_in | posted --> a page's handler --> AsyncClient
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from ephraim_db.errors import EphraimError
from ephraim_db.web import twilio
from ephraim_db.web import xero as xero_pages
from ephraim_db.web.components import components
from ephraim_db.web.cookies import cookie_name
from ephraim_db.web.integrations import integrations
from ephraim_db.web.personas import Personas, act_as
from ephraim_db.web.refusing import handle
from ephraim_db.web.services import MessageTester, XeroConnections
from ephraim_db.web.shielding import Shield
from ephraim_db.web.site import STYLE, STYLE_NAME, Site, load_templates, shared_http
from ephraim_db.web.sms_csv import sms_csv
from ephraim_db.web.sms_log import sms_log, sms_message
from ephraim_db.web.verifying import PublishedKeys, TokenKeys
from ephraim_db.web.visits import Field, Reader, Writer, posted, signed_in

_FOREVER = {"Cache-Control": "public, max-age=31536000, immutable"}
_ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" '
    'rx="4" fill="#1c1d1a"/><path d="M5 4.5h6M5 8h4.5M5 11.5h6" stroke="#fff" '
    'stroke-width="1.6" stroke-linecap="round"/></svg>'
)


def create_app(
    supabase_url: str,
    anon_key: str,
    *,
    origin: str,
    form_key: bytes,
    keys: TokenKeys | None = None,
    issuer: str | None = None,
    sign_in_url: str = "/sign-in",
    invoices_url: str | None = None,
    time_zone: str = "UTC",
    sms: MessageTester | None = None,
    xero: XeroConnections | None = None,
    xero_origin: str = "https://login.xero.com",
    personas: Personas | None = None,
) -> Starlette:
    """Return the settings pages as an ASGI application, to run alone or to mount.

    `origin` is where browsers find it, such as https://app.example.com: forms from elsewhere are
    refused. `form_key` signs forms: 32 random bytes or more, the same in every process. Access
    tokens are verified with `keys`, by default those the project publishes, and must come from
    `issuer`, by default its auth server. `time_zone` is an IANA name. Without `sms` there are no
    test messages, without `xero` no connecting; both are `async with`ed by the caller. Connecting
    leads to `xero_origin`. `personas` is for development.

    A host that mounts the app runs `app.router.lifespan_context(app)` in its own lifespan.
    """
    if len(form_key) < 32:
        raise ValueError("form_key is shorter than 32 bytes: take secrets.token_bytes(32)")
    if personas is not None and not _is_loopback(origin):
        raise ValueError("personas let anybody act as anybody: they need a loopback origin")
    zone = ZoneInfo(time_zone)
    site = Site(
        supabase_url=supabase_url.rstrip("/"),
        anon_key=anon_key,
        origin=origin.rstrip("/"),
        form_key=form_key,
        keys=keys or PublishedKeys(supabase_url),
        issuer=issuer or f"{supabase_url.rstrip('/')}/auth/v1",
        cookie=cookie_name(supabase_url),
        sign_in_url=sign_in_url,
        invoices_url=invoices_url,
        time_zone=zone,
        sms=sms,
        xero=xero,
        personas=personas,
        templates=load_templates(zone),
        http=shared_http(),
    )
    app = Starlette(
        routes=_routes(site),
        exception_handlers={EphraimError: handle, HTTPException: handle},
        middleware=[Middleware(Shield, secure=site.secure, form_targets=(xero_origin,))],
        lifespan=_lifespan,
    )
    app.state.site = site
    return app


_POSTED_ONLY = ("twilio", "twilio/test", "xero", "xero/connect", "xero/choose")


def _is_loopback(origin: str) -> bool:
    host = urlsplit(origin).hostname or ""
    return host == "localhost" or host == "127.0.0.1" or host == "::1"


def _routes(site: Site) -> list[Route]:
    def page(path: str, name: str, reader: Reader) -> Route:
        return Route(f"/settings{path}", signed_in(reader), name=name)

    def form(path: str, name: str, writer: Writer, *keep: Field) -> Route:
        return Route(f"/settings{path}", posted(writer, keep=keep), methods=["POST"], name=name)

    development = (
        Route("/settings/components", components, name="components"),
        Route("/settings/act-as", act_as, methods=["POST"], name="act_as"),
    )
    return [
        Route("/settings", _home, name="home"),
        page("/integrations", "integrations", integrations),
        form("/integrations/twilio", "save_twilio", twilio.save_twilio, *twilio.KEPT),
        page("/integrations/twilio/remove", "ask_to_remove", twilio.ask_to_remove),
        form("/integrations/twilio/remove", "remove_twilio", twilio.remove_twilio),
        form("/integrations/twilio/test", "send_test", twilio.send_test, *twilio.KEPT_TEST),
        form("/integrations/xero", "save_xero", xero_pages.save_xero, *xero_pages.KEPT),
        form("/integrations/xero/connect", "connect_xero", xero_pages.connect_xero),
        page("/integrations/xero/callback", "returned_from_xero", xero_pages.returned_from_xero),
        form("/integrations/xero/choose", "choose_xero", xero_pages.choose_xero),
        page("/integrations/xero/disconnect", "ask_to_disconnect", xero_pages.ask_to_disconnect),
        form("/integrations/xero/disconnect", "disconnect_xero", xero_pages.disconnect_xero),
        # Where a form was refused, the address bar shows the form's own path.
        *(Route(f"/settings/integrations/{path}", _home) for path in _POSTED_ONLY),
        page("/sms-log", "sms_log", sms_log),
        page("/sms-log.csv", "sms_csv", sms_csv),
        page("/sms-log/{message:uuid}", "sms_message", sms_message),
        Route(f"/settings/style.{STYLE_NAME}.css", _style, name="style"),
        Route("/settings/icon.svg", _icon, name="icon"),
        *(development if site.personas else ()),
    ]


async def _home(request: Request) -> Response:
    site: Site = request.app.state.site
    return RedirectResponse(site.path(request, "integrations"), status_code=303)


async def _style(request: Request) -> Response:
    return Response(STYLE, media_type="text/css", headers=_FOREVER)


async def _icon(request: Request) -> Response:
    return Response(_ICON, media_type="image/svg+xml", headers=_FOREVER)


@contextlib.asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    try:
        yield
    finally:
        await app.state.site.http.aclose()
