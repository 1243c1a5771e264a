"""What the fake Xero answers with: its two pages, and its JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable
from html import escape
from uuid import uuid4

from ephraim_db.fakes.xero.records import Connection, Request, Tenant

FORM = "application/x-www-form-urlencoded"
HTML = {"Content-Type": "text/html; charset=utf-8"}
JSON = {"Content-Type": "application/json; charset=utf-8"}

_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>body {{ font: 16px/1.5 system-ui; max-width: 32rem; margin: 3rem auto; padding: 0 1rem }}
label {{ display: block; padding: .25rem 0 }}
button {{ font: inherit; padding: .4rem 1rem }}</style>
<h1>{title}</h1>{body}</html>"""

_CONSENT = """
<p>This is a pretended Xero on this machine. An app asks for access to:</p>
<p><code>{scope}</code></p>
<form method="post">
<input type="hidden" name="request" value="{key}">
<fieldset><legend>Organisations to connect</legend>{tenants}</fieldset>
<label>Signed in as <input name="user" value="bookkeeper"></label>
<button name="decision" value="allow">Allow access</button>
<button name="decision" value="deny">Cancel</button>
</form>"""


def consent(key: str, request: Request, tenants: Iterable[Tenant]) -> str:
    """Return the page that asks a user what to connect."""
    boxes = "".join(
        f'<label><input type="checkbox" name="tenant" value="{tenant.id}"> '
        f"{escape(tenant.name)}</label>"
        for tenant in tenants
    )
    body = _CONSENT.format(scope=escape(request.scope), key=key, tenants=boxes)
    return _PAGE.format(title="Pretended Xero", body=body)


def error(message: str) -> str:
    """Return the page that Xero shows instead of its authorize page."""
    return _PAGE.format(title="Something went wrong", body=f"<p>Error: {escape(message)}</p>")


def problem(detail: str, status: int) -> str:
    """Return the API's refusal."""
    title = {401: "Unauthorized", 403: "Forbidden", 404: "Not Found"}[status]
    return json.dumps(
        {"title": title, "status": status, "detail": detail, "instance": str(uuid4())}
    )


def connection(found: Connection) -> dict[str, str]:
    """Return a connection as GET /connections lists it."""
    created = found.created.replace(tzinfo=None).isoformat() + "0"  # seven digits, no zone
    return {
        "id": str(found.id),
        "authEventId": str(found.event),
        "tenantId": str(found.tenant.id),
        "tenantType": found.tenant.type,
        "tenantName": found.tenant.name,
        "createdDateUtc": created,
        "updatedDateUtc": created,
    }
