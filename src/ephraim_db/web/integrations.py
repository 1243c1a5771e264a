"""The page /settings/integrations: read as the signed-in user, with forms for admins."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from starlette.responses import RedirectResponse, Response

from ephraim_db.errors import AdminRequired, NotFound
from ephraim_db.organizations import Organization
from ephraim_db.sms_logs import SmsLog
from ephraim_db.web import wording
from ephraim_db.web.site import Member, Visit
from ephraim_db.web.states import followed, twilio_state, xero_state

# What a page may be told to say after a change: named in the query, so that nobody can put words
# into its mouth.
NOTICES = {
    "twilio-saved": ("Twilio settings saved", "Send a test message to see that they work."),
    "twilio-incomplete": (
        "Twilio settings saved",
        "Messages are sent once Account SID, Auth Token and Phone Number are all there.",
    ),
    "twilio-removed": ("Auth Token removed", "No messages are sent until you enter another."),
    "xero-saved": ("Xero app credentials saved", "You can connect to Xero now."),
    "xero-incomplete": (
        "Xero app credentials saved",
        "You can connect to Xero once Client ID and Client Secret are both there.",
    ),
    "xero-connected": ("Connected to Xero", "Invoices go to the organisation named below."),
    "xero-disconnected": ("Disconnected from Xero", "Nothing was changed in Xero itself."),
    "xero-left": (
        "Disconnected from Xero",
        "Xero did not answer, so it still lists this app. It is told as soon as it does.",
    ),
}


@dataclass(frozen=True, slots=True)
class Notice:
    """What the page says about the change just made."""

    title: str
    text: str
    variant: str = "success"


async def integrations(visit: Visit) -> Response:
    """Show the page."""
    return await show(visit)


async def show(
    visit: Visit,
    *,
    values: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
    notice: Notice | None = None,
    choice: Any = None,
    status: int = 200,
) -> Response:
    """Show the page, after a refused form with what was entered (`values`) and its `errors`.

    `choice` are the Xero organisations to choose from.
    """
    profile, organization, connection, tested, message = await asyncio.gather(
        visit.client.get_profile(),
        visit.client.get_organization(),
        visit.client.get_xero_connection(),
        visit.client.get_last_twilio_test(),
        _message(visit),
    )
    member = Member.of(profile)
    when = wording.local_time(connection.connected_at, visit.site.time_zone) if connection else ""
    twilio = twilio_state(organization, tested)
    context = {
        "here": "integrations",
        "organization": organization.name,
        "member": member,
        "admin": member.admin,
        "form_token": visit.form_token,
        "twilio": twilio,
        "xero": xero_state(organization, connection, when, able=visit.site.xero is not None),
        "choice": choice,
        "values": {**_stored(organization), **(values or {})},
        "errors": errors or {},
        "notice": notice or _notice(visit),
        "can_test": visit.site.sms is not None and twilio.complete,
        "message": followed(message) if message else None,
        "check_again": _check_again(visit),
    }
    return visit.site.page(visit.request, "integrations.html", context, status=status)


async def confirm(
    visit: Visit, *, question: str, consequence: str, verb: str, action: str
) -> Response:
    """Ask an admin before something is removed; the answer is posted to the route `action`."""
    profile, organization = await asyncio.gather(
        visit.client.get_profile(), visit.client.get_organization()
    )
    member = Member.of(profile)
    if not member.admin:
        raise AdminRequired
    context = {
        "here": "integrations",
        "organization": organization.name,
        "member": member,
        "form_token": visit.form_token,
        "question": question,
        "consequence": consequence,
        "verb": verb,
        "action": visit.site.path(visit.request, action),
    }
    return visit.site.page(visit.request, "confirm.html", context)


def done(visit: Visit, notice: str | None, place: str, **query: str) -> Response:
    """Return to the page, which says `notice`, at `place`."""
    told = {"done": notice} if notice else {}
    path = visit.site.path(visit.request, "integrations")
    anchor = f"#{place}" if notice is None else ""  # a notice is at the top
    return RedirectResponse(f"{path}?{urlencode({**told, **query})}{anchor}", status_code=303)


def _check_again(visit: Visit) -> str:
    # A link to the very address that is shown, #test included, would not ask the server again.
    query = visit.request.query_params
    asked = {"test": query.get("test", ""), **({} if "again" in query else {"again": "1"})}
    return f"{visit.site.path(visit.request, 'integrations')}?{urlencode(asked)}#test"


async def _message(visit: Visit) -> SmsLog | None:
    try:
        return await visit.client.get_sms_log(UUID(visit.request.query_params.get("test", "")))
    except (ValueError, NotFound):
        return None


def _notice(visit: Visit) -> Notice | None:
    said = NOTICES.get(visit.request.query_params.get("done", ""))
    return Notice(*said) if said else None


def _stored(organization: Organization) -> dict[str, str]:
    return {
        "twilio_account_sid": organization.twilio_account_sid or "",
        "twilio_phone_number": organization.twilio_phone_number or "",
        "sms_enabled": "on" if organization.sms_enabled else "",
        "xero_client_id": organization.xero_client_id or "",
        "to": "",
    }
