"""The Twilio card's forms: save, remove the token, send a test.

form --words for every field--> AsyncClient, which seals --> saved
test --the database takes the request from an admin, no oftener than it allows--> sender --> log
"""

from __future__ import annotations

from collections.abc import Callable

from starlette.responses import Response

from ephraim_db import inputs
from ephraim_db.errors import (
    InvalidInput,
    NoSealingKey,
    Rejected,
    SealingError,
    SmsError,
    TooSoon,
    TwilioNotConfigured,
    TwilioRefused,
    TwilioUnreachable,
)
from ephraim_db.inputs import CLEAR
from ephraim_db.organizations import Organization
from ephraim_db.web.forms import Form
from ephraim_db.web.integrations import Notice, confirm, done, show
from ephraim_db.web.refusals import Missing
from ephraim_db.web.site import Visit
from ephraim_db.web.states import twilio_state
from ephraim_db.web.visits import Field

KEPT = (
    Field("twilio_account_sid", "Account SID"),
    Field("twilio_auth_token", "Auth Token", "password"),
    Field("twilio_phone_number", "Phone Number", "tel"),
    Field("sms_enabled", "Send messages", "hidden"),
)
KEPT_TEST = (Field("to", "Mobile number", "tel"),)
_PHONE = "Enter the number with its country code, such as +61 491 570 006."
_SID = "An Account SID is AC and 32 more characters, 0 to 9 and a to f. Copy it whole."
_NO_SID = "Enter the Account SID that the token belongs to."
_NOT_WHOLE = "Copy the Auth Token whole, without spaces or line breaks."
_OTHER_ACCOUNT = "This is another account, so the stored token does not fit. Enter its Auth Token."
_NOT_SEALED = (
    "The token could not be sealed, so nothing was saved. Tell whoever runs this site that there "
    "is no sealing key to use."
)
_NOT_TAKEN = "The database did not take these values. Reload the page and enter them again."


def compact(number: str) -> str:
    """Return a number without the marks that people put between its digits."""
    return number.translate(str.maketrans("", "", " -().\u00a0"))


async def save_twilio(visit: Visit, form: Form) -> Response:
    """Save the credential, and whether messages are sent."""
    organization = await visit.client.get_organization()
    errors = _errors(form, organization)
    if not errors:
        try:
            saved = await visit.client.update_organization_settings(
                twilio_account_sid=form["twilio_account_sid"] or CLEAR,
                twilio_auth_token=form["twilio_auth_token"] or None,
                twilio_phone_number=compact(form["twilio_phone_number"]) or CLEAR,
                sms_enabled="sms_enabled" in form,
            )
        except (NoSealingKey, SealingError):
            errors["twilio_auth_token"] = _NOT_SEALED
        except Rejected:
            errors["twilio_auth_token"] = _NOT_TAKEN
        else:
            complete = twilio_state(saved, None).complete
            return done(visit, "twilio-saved" if complete else "twilio-incomplete", "twilio")
    return await show(visit, values=_typed(form), errors=errors, status=422)


async def ask_to_remove(visit: Visit) -> Response:
    """Ask before the token is removed."""
    return await confirm(
        visit,
        question="Remove the Auth Token?",
        consequence="No messages can be sent until an admin enters a token again. The Account SID "
        "and the Phone Number stay.",
        verb="Remove token",
        action="remove_twilio",
    )


async def remove_twilio(visit: Visit, _: Form) -> Response:
    """Remove the token."""
    await visit.client.update_organization_settings(twilio_auth_token=CLEAR)
    return done(visit, "twilio-removed", "twilio")


async def send_test(visit: Visit, form: Form) -> Response:
    """Send a test message, after the database took the request from an admin."""
    if visit.site.sms is None:
        raise Missing
    to = compact(form["to"])
    try:
        inputs.phone("to", to)
    except InvalidInput:
        return await show(visit, values=_to(form), errors={"to": _PHONE}, status=422)
    organization = await visit.client.get_organization()
    try:
        requested = await visit.client.request_credential_test("twilio")
        log = await visit.site.sms.send_test_sms(organization.id, to, requested=requested)
    except InvalidInput as error:
        text = f"This number {error.reason}."
        return await show(visit, values=_to(form), errors={"to": text}, status=422)
    except (TwilioRefused, TwilioUnreachable) as error:
        return _follow(visit, error.sms_log_id)
    except TooSoon:
        return await show(visit, values=_to(form), notice=_TOO_SOON, status=429)
    except TwilioNotConfigured:
        return await show(visit, values=_to(form), notice=_INCOMPLETE, status=409)
    except (SealingError, SmsError):
        return await show(visit, values=_to(form), notice=_CLOSED, status=409)
    return _follow(visit, log.id)


_INCOMPLETE = Notice(
    "The test was not sent",
    "Save an Account SID, an Auth Token and a Phone Number first.",
    "destructive",
)
_TOO_SOON = Notice(
    "The test was not sent",
    "Five tests in ten minutes are enough for one organization. Wait ten minutes, then try again.",
    "destructive",
)
_CLOSED = Notice(
    "The test was not sent",
    "The stored Auth Token cannot be used. Enter it again and save, then send another test.",
    "destructive",
)


def _follow(visit: Visit, message: object) -> Response:
    return done(visit, None, "test", test=str(message))


def _errors(form: Form, organization: Organization) -> dict[str, str]:
    sid, token = form["twilio_account_sid"], form["twilio_auth_token"]
    number = compact(form["twilio_phone_number"])
    fitting = organization.twilio_account_sid if organization.twilio_auth_token_set else None
    errors = {}
    if token and not sid:
        errors["twilio_account_sid"] = _NO_SID
    elif sid and _is_wrong(inputs.account_sid, sid):
        errors["twilio_account_sid"] = _SID
    if token and _is_wrong(inputs.secret, inputs.conceal(token)):
        errors["twilio_auth_token"] = _NOT_WHOLE
    elif not token and not errors and sid and fitting not in (None, sid):
        errors["twilio_auth_token"] = _OTHER_ACCOUNT
    if number and _is_wrong(inputs.phone, number):
        errors["twilio_phone_number"] = _PHONE
    return errors


def _is_wrong(check: Callable[[str, object], object], value: object) -> bool:
    try:
        check("", value)
    except InvalidInput:
        return True
    return False


def _typed(form: Form) -> dict[str, str]:
    names = ("twilio_account_sid", "twilio_phone_number", "sms_enabled")
    return {name: form[name] for name in names}


def _to(form: Form) -> dict[str, str]:
    return {"to": form["to"]}
