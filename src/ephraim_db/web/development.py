"""The settings page for development: over a local Supabase, with a bar to switch persona.

LocalSupabase --> create_app(personas) --> uvicorn on loopback, refused anywhere else
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp

from ephraim_db.local import LocalSupabase
from ephraim_db.local.background import HOST, listen, served
from ephraim_db.web.app import create_app
from ephraim_db.web.personas import Personas
from ephraim_db.web.verifying import SharedSecret

ISSUER = "supabase-demo"  # of the tokens that a local Supabase issues


def development_app(local: LocalSupabase, origin: str, subs: Mapping[str, str]) -> ASGIApp:
    """Return the page over `local`; `subs` are users by the name of their persona."""
    personas = Personas(tuple(subs), lambda name: local.access_token(subs[name]))
    app = create_app(
        local.api_url,
        local.anon_key,
        origin=origin,
        form_key=secrets.token_bytes(32),
        keys=SharedSecret(local.jwt_secret),
        issuer=ISSUER,
        sign_in_url="#persona",
        invoices_url="https://example.com/invoices",
        time_zone="Australia/Sydney",
        personas=personas,
    )
    # A foreign name that resolves to this machine is how other pages would reach it.
    return TrustedHostMiddleware(app, allowed_hosts=[HOST, "localhost"])


@contextmanager
def serve_settings_page(
    local: LocalSupabase, subs: Mapping[str, str], *, port: int | None = None
) -> Iterator[str]:
    """Serve the page on the loopback `port`, or a free one; yield its URL."""
    listener = listen(port)
    origin = f"http://{HOST}:{listener.getsockname()[1]}"
    with listener, served(development_app(local, origin, subs), listener):
        yield f"{origin}/settings/integrations"
