"""The page /settings/integrations: read as the signed-in user, with forms for admins."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.responses import Response

from ephraim_db.organizations import Organization
from ephraim_db.web import wording
from ephraim_db.web.site import Member, Visit
from ephraim_db.web.states import twilio_state, xero_state

# What a page may be told to say after a change: named in the query, so that nobody can put words
# into its mouth.
NOTICES = {
    "twilio-saved": ("Twilio settings saved", "Send a test message to see that they work."),
    "twilio-removed": ("Auth Token removed", "No messages are sent until you enter another."),
    "xero-saved": ("Xero app credentials saved", "You can connect to Xero now."),
    "xero-connected": ("Connected to Xero", "Invoices go to the organisation named below."),
    "xero-disconnected": ("Disconnected from Xero", "Nothing was changed in Xero itself."),
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
    status: int = 200,
    notice: Notice | None = None,
) -> Response:
    """Show the page, after a refused form with what was entered (`values`) and its `errors`."""
    profile, organization, connection = await asyncio.gather(
        visit.client.get_profile(),
        visit.client.get_organization(),
        visit.client.get_xero_connection(),
    )
    member = Member.of(profile)
    zone = visit.site.time_zone
    when = wording.local_time(connection.connected_at, zone) if connection else ""
    context = {
        "here": "integrations",
        "organization": organization.name,
        "member": member,
        "admin": member.admin,
        "form_token": visit.form_token,
        "twilio": twilio_state(organization, None),
        "xero": xero_state(organization, connection, when),
        "values": {**_stored(organization), **(values or {})},
        "errors": errors or {},
        "notice": notice or _notice(visit),
        "can_test": False,
        "message": None,
    }
    return visit.site.page(visit.request, "integrations.html", context, status=status)


def _notice(visit: Visit) -> Notice | None:
    said = NOTICES.get(visit.request.query_params.get("done", ""))
    return Notice(*said) if said else None


def _stored(organization: Organization) -> dict[str, str]:
    return {
        "twilio_account_sid": organization.twilio_account_sid or "",
        "twilio_phone_number": organization.twilio_phone_number or "",
        "xero_client_id": organization.xero_client_id or "",
        "sms_enabled": "on" if organization.sms_enabled else "",
        "to": "",
    }
