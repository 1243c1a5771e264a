"""The settings page for development: a local Supabase, a pretended Twilio and Xero, and personas.

local + FakeTwilio + FakeXero --> AsyncSender, AsyncXero --> create_app(personas) --> loopback only
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.routing import Mount

from ephraim_db.fakes.twilio import FakeTwilio
from ephraim_db.fakes.xero import FakeXero
from ephraim_db.local import LocalSupabase
from ephraim_db.local.background import HOST, listen, served
from ephraim_db.sealing import Keyring
from ephraim_db.sms import AsyncSender, status_callbacks
from ephraim_db.sms.twilio import Twilio
from ephraim_db.web.app import create_app
from ephraim_db.web.personas import Personas
from ephraim_db.web.verifying import SharedSecret
from ephraim_db.xero import App, AsyncXero, Endpoints

ISSUER = "supabase-demo"  # of the tokens that a local Supabase issues
_CALLBACKS = "/webhooks"
_RETURN = "/settings/integrations/xero/callback"


@dataclass(frozen=True, slots=True)
class Pretended:
    """What to enter on the page: the accounts that the pretended Twilio and Xero know."""

    twilio_account_sid: str = "AC" + "0" * 32
    twilio_auth_token: str = field(default="a Twilio auth token", repr=False)
    twilio_phone_number: str = "+61491570006"
    xero_client_id: str = "1D" * 16
    xero_client_secret: str = field(default="a Xero client secret", repr=False)
    xero_tenants: tuple[str, ...] = ("Acacia Care Pty Ltd", "Acacia Holdings")


@dataclass(frozen=True, slots=True)
class DevelopmentPage:
    """A page being served: its address, what serves it, and the fakes behind it."""

    url: str
    app: Starlette
    twilio: FakeTwilio
    xero: FakeXero


@contextmanager
def serve_settings_page(
    local: LocalSupabase,
    subs: Mapping[str, str],
    keyring: Keyring,
    *,
    port: int | None = None,
    pretended: Pretended | None = None,
) -> Iterator[DevelopmentPage]:
    """Serve the page over `local` on the loopback `port`, or a free one, until the block ends.

    `subs` are users by the name of their persona; `keyring` opens what the page seals. Both fakes
    run meanwhile and know the accounts that are `pretended`.
    """
    known = pretended or Pretended()
    listener = listen(port)
    origin = f"http://{HOST}:{listener.getsockname()[1]}"
    with FakeTwilio() as twilio, FakeXero() as xero, listener:
        twilio.open_account(
            known.twilio_account_sid, known.twilio_auth_token, known.twilio_phone_number
        )
        xero.add_app(known.xero_client_id, known.xero_client_secret, [origin + _RETURN])
        for name in known.xero_tenants:
            xero.add_tenant(name)
        app = development_app(local, subs, keyring, origin, twilio.url, xero.url)
        with served(app, listener):
            yield DevelopmentPage(f"{origin}/settings/integrations", app, twilio, xero)


def development_app(
    local: LocalSupabase,
    subs: Mapping[str, str],
    keyring: Keyring,
    origin: str,
    twilio_url: str,
    xero_url: str,
) -> Starlette:
    """Return the page, the endpoint that Twilio reports to, and what both stand on."""
    callback_url = f"{origin}{_CALLBACKS}/twilio"
    sender = AsyncSender(
        local.db_url, keyring, callback_url=callback_url, twilio=Twilio(twilio_url)
    )
    xero = AsyncXero(local.db_url, keyring, App(origin + _RETURN, endpoints=Endpoints.at(xero_url)))
    callbacks = status_callbacks(local.db_url, keyring, callback_url=callback_url)
    page = create_app(
        local.api_url,
        local.anon_key,
        origin=origin,
        form_key=secrets.token_bytes(32),
        keys=SharedSecret(local.jwt_secret),
        issuer=ISSUER,
        sign_in_url="#persona",
        invoices_url="#ndia",
        time_zone="Australia/Sydney",
        sms=sender,
        xero=xero,
        xero_origin=xero_url,
        personas=Personas(tuple(subs), lambda name: local.access_token(subs[name])),
    )

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with (
            sender,
            xero,
            callbacks.router.lifespan_context(callbacks),
            page.router.lifespan_context(page),
        ):
            yield

    return Starlette(
        routes=[Mount(_CALLBACKS, callbacks), Mount("/", page)],
        lifespan=lifespan,
        # A foreign name that resolves to this machine is how other pages would reach it.
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"])],
    )
