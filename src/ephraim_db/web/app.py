"""The application: routes and what surrounds them.

request --> Shield --> Starlette --> signed_in | posted --> a page's handler --> AsyncClient
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from zoneinfo import ZoneInfo

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from ephraim_db.errors import EphraimError
from ephraim_db.web.components import components
from ephraim_db.web.cookies import cookie_name
from ephraim_db.web.integrations import integrations
from ephraim_db.web.personas import Personas, act_as
from ephraim_db.web.refusing import handle
from ephraim_db.web.services import TestMessages, XeroConnections
from ephraim_db.web.shielding import Shield
from ephraim_db.web.site import STYLE, STYLE_NAME, Site, load_templates, shared_http
from ephraim_db.web.sms_log import sms_csv, sms_log, sms_message
from ephraim_db.web.verifying import PublishedKeys, TokenKeys
from ephraim_db.web.visits import signed_in

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
    sms: TestMessages | None = None,
    xero: XeroConnections | None = None,
    personas: Personas | None = None,
) -> ASGIApp:
    """Return the settings pages as an ASGI application, to run alone or to mount.

    `origin` is where browsers find it, such as https://app.example.com: forms from elsewhere are
    refused. `form_key` signs forms: 32 random bytes or more, the same in every process. Access
    tokens are verified with `keys`, by default those the project publishes, and must come from
    `issuer`, by default its auth server. `time_zone` is an IANA name. Without `sms` there are no
    test messages, without `xero` no connecting. `personas` is for development.
    """
    if len(form_key) < 32:
        raise ValueError("form_key is shorter than 32 bytes: take secrets.token_bytes(32)")
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
        exception_handlers={EphraimError: handle, HTTPException: handle, Exception: handle},
        lifespan=_lifespan,
    )
    app.state.site = site
    return Shield(app, secure=site.secure, form_targets=())


def _routes(site: Site) -> list[Route]:
    development = (
        Route("/settings/components", components, name="components"),
        Route("/settings/act-as", act_as, methods=["POST"], name="act_as"),
    )
    return [
        *(development if site.personas else ()),
        Route("/settings", _home, name="home"),
        Route("/settings/integrations", signed_in(integrations), name="integrations"),
        Route("/settings/sms-log", signed_in(sms_log), name="sms_log"),
        Route("/settings/sms-log.csv", signed_in(sms_csv), name="sms_csv"),
        Route("/settings/sms-log/{message:uuid}", signed_in(sms_message), name="sms_message"),
        Route(f"/settings/style.{STYLE_NAME}.css", _style, name="style"),
        Route("/settings/icon.svg", _icon, name="icon"),
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
