"""The Xero card's forms, and the way to Xero and back.

connect --> Xero --> returned: connected, or choose --> connected        disconnect asks first
"""

from __future__ import annotations

import secrets
from uuid import UUID

from starlette.responses import RedirectResponse, Response

from ephraim_db import inputs
from ephraim_db.errors import (
    AdminRequired,
    InvalidInput,
    NoSealingKey,
    Rejected,
    SealingError,
    XeroError,
)
from ephraim_db.inputs import CLEAR
from ephraim_db.profiles import MemberRole
from ephraim_db.web.forms import Form
from ephraim_db.web.integrations import Notice, confirm, done, show
from ephraim_db.web.refusals import Missing
from ephraim_db.web.services import XeroConnections
from ephraim_db.web.site import Visit
from ephraim_db.web.visits import Field

KEPT = (
    Field("xero_client_id", "Client ID"),
    Field("xero_client_secret", "Client Secret", "password"),
)
_NOT_WHOLE = "Copy the Client Secret whole, without spaces or line breaks."
_NOT_STORED = (
    "The secret could not be stored, so nothing was saved. Tell whoever runs this site that there "
    "is no sealing key to use."
)
_CLOSED = (
    "What is stored for Xero cannot be used. Enter the Client Secret again, then connect again."
)
_COOKIE = "ephraim_db_xero"
_MINUTES = 30


async def save_xero(visit: Visit, form: Form) -> Response:
    """Save the client id and secret of the organization's Xero app."""
    errors = _errors(form)
    if not errors:
        try:
            saved = await visit.client.update_organization_settings(
                xero_client_id=form["xero_client_id"] or CLEAR,
                xero_client_secret=form["xero_client_secret"] or None,
            )
        except (NoSealingKey, SealingError, Rejected):
            errors["xero_client_secret"] = _NOT_STORED
        else:
            complete = saved.xero_client_id and saved.xero_client_secret_set
            return done(visit, "xero-saved" if complete else "xero-incomplete", "xero")
    values = {"xero_client_id": form["xero_client_id"]}
    return await show(visit, values=values, errors=errors, status=422)


async def connect_xero(visit: Visit, _: Form) -> Response:
    """Send the browser to Xero."""
    organization_id = await _admins_organization(visit)
    session = _browser(visit)
    try:
        url = await _xero(visit).authorization_url(
            organization_id, visit.session.user, session=session
        )
    except (XeroError, SealingError) as error:
        return await _failed(visit, "Xero was not asked", error)
    response = RedirectResponse(url, status_code=303)
    response.set_cookie(
        _COOKIE,
        session,
        max_age=_MINUTES * 60,
        secure=visit.site.secure,
        httponly=True,
        samesite="lax",  # Xero returns by a link, and the cookie has to come along
    )
    return response


async def returned_from_xero(visit: Visit) -> Response:
    """Take what Xero returned: a connection, or several organisations to choose from."""
    organization_id = await _admins_organization(visit)
    url = visit.request.url
    returned_to = f"{visit.site.origin}{url.path}?{url.query}"
    try:
        answer = await _xero(visit).complete(
            returned_to, organization_id, visit.session.user, session=_browser(visit)
        )
    except (XeroError, SealingError) as error:
        return await _failed(visit, "Not connected to Xero", error)
    tenants = getattr(answer, "tenants", None)
    if tenants:
        return await show(visit, choice=answer)
    return done(visit, "xero-connected", "xero")


async def choose_xero(visit: Visit, form: Form) -> Response:
    """Connect the organisation that was chosen."""
    organization_id = await _admins_organization(visit)
    try:
        tenant = UUID(form["tenant"])
    except ValueError:
        return await show(visit, notice=_NOTHING_CHOSEN, status=422)
    try:
        await _xero(visit).choose(
            form["choice"], tenant, organization_id, visit.session.user, session=_browser(visit)
        )
    except (XeroError, SealingError) as error:
        return await _failed(visit, "Not connected to Xero", error)
    return done(visit, "xero-connected", "xero")


async def ask_to_disconnect(visit: Visit) -> Response:
    """Ask before disconnecting."""
    return await confirm(
        visit,
        question="Disconnect from Xero?",
        consequence="Invoices are not sent to Xero any more. What is in Xero stays there, and you "
        "can connect again.",
        verb="Disconnect",
        action="disconnect_xero",
    )


async def disconnect_xero(visit: Visit, _: Form) -> Response:
    """End the connection."""
    organization_id = await _admins_organization(visit)
    try:
        left = await _xero(visit).disconnect(organization_id, user_id=visit.session.user)
    except (XeroError, SealingError) as error:
        return await _failed(visit, "Still connected to Xero", error)
    return done(visit, "xero-left" if left else "xero-disconnected", "xero")


_NOTHING_CHOSEN = Notice(
    "Not connected to Xero",
    "No organisation was chosen. Connect again, and choose one.",
    "destructive",
)


async def _admins_organization(visit: Visit) -> UUID:
    # The profile comes from the database, which shows it to its active owner and lets nobody
    # change the role in it.
    profile = await visit.client.get_profile()
    if profile.role != MemberRole.ADMIN:
        raise AdminRequired
    return profile.organization_id


async def _failed(visit: Visit, title: str, error: XeroError | SealingError) -> Response:
    text = _CLOSED if isinstance(error, SealingError) else str(error)
    return await show(visit, notice=Notice(title, text, "destructive"), status=409)


def _xero(visit: Visit) -> XeroConnections:
    if visit.site.xero is None:
        raise Missing
    return visit.site.xero


def _browser(visit: Visit) -> str:
    # Without our cookie a browser is one that nobody sent to Xero: the service refuses it.
    ours = secrets.token_urlsafe(32)
    given = visit.request.cookies.get(_COOKIE, "")
    return given if len(given) == len(ours) else ours


def _errors(form: Form) -> dict[str, str]:
    errors = {}
    try:
        if form["xero_client_id"]:
            inputs.line("", form["xero_client_id"])
        elif form["xero_client_secret"]:
            errors["xero_client_id"] = "Enter the Client ID that the secret belongs to."
    except InvalidInput:
        errors["xero_client_id"] = "Copy the Client ID whole: one line, at most 200 characters."
    try:
        inputs.secret("", inputs.conceal(form["xero_client_secret"]))
    except InvalidInput:
        errors["xero_client_secret"] = _NOT_WHOLE
    return errors
