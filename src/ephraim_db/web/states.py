"""The state of each integration at a glance: a badge, and what is wrong if something is."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from ephraim_db.organizations import Organization
from ephraim_db.sms_logs import SmsLog, SmsStatus
from ephraim_db.web.wording import ARRIVED, LOST, Tone, ago, phone
from ephraim_db.xero_connections import XeroConnection


@dataclass(frozen=True, slots=True)
class Badge:
    """A few words and how they look."""

    text: str
    tone: Tone


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, and what to do."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class TwilioState:
    """Twilio's card. `token_set` says that a token is stored; none is ever here."""

    badge: Badge
    token_set: bool
    complete: bool
    sms_enabled: bool
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class XeroState:
    """Xero's card: what is known of the connection, and what an admin may do next."""

    badge: Badge
    connected: bool
    can_connect: bool
    app_set: bool
    secret_set: bool
    facts: tuple[tuple[str, str], ...] = ()
    problem: Problem | None = None


def twilio_state(organization: Organization, tested: SmsLog | None) -> TwilioState:
    """Judge by what is stored, and by what became of the last test with it."""
    token_set = organization.twilio_auth_token_set
    complete = bool(
        organization.twilio_account_sid and token_set and organization.twilio_phone_number
    )
    badge, problem = Badge("Not configured", Tone.NEUTRAL), None
    if complete:
        badge, problem = _judged(tested)
    return TwilioState(badge, token_set, complete, organization.sms_enabled, problem)


def _judged(tested: SmsLog | None) -> tuple[Badge, Problem | None]:
    if tested is None or tested.status == SmsStatus.UNKNOWN:
        return Badge("Configured", Tone.INFO), None
    if tested.status in LOST:
        why = _sentence(tested.error_message or "Twilio did not say why. Send another test.")
        if tested.twilio_sid or tested.error_code in _ABOUT_THE_RECIPIENT:
            problem = Problem(f"The last test did not arrive{_code(tested)}", why)
            return Badge("Test not delivered", Tone.WARNING), problem
        problem = Problem(f"Twilio refused the last test{_code(tested)}", why)
        return Badge("Failing", Tone.DANGER), problem
    if tested.status in ARRIVED or tested.sent_at:
        moment = tested.delivered_at or tested.created_at
        return Badge(f"Verified {ago(moment)}", Tone.SUCCESS), None
    return Badge("Configured", Tone.INFO), None


# Twilio took the credential and refused the number it was to send to.
_ABOUT_THE_RECIPIENT = {21211, 21265, 21266, 21408, 21610, 21612, 21614}


def _code(message: SmsLog) -> str:
    return f" (Twilio's error {message.error_code})" if message.error_code else ""


_RECONNECT = {
    "refresh_refused": "Xero ended the connection: it was not used for 60 days, or somebody "
    "disconnected this app in Xero. Reconnect to go on sending invoices.",
    "tenant_removed": "The organisation was disconnected from this app in Xero, or is gone. "
    "Reconnect to go on sending invoices.",
}


def xero_state(
    organization: Organization, connection: XeroConnection | None, connected_at: str, *, able: bool
) -> XeroState:
    """Judge by the stored connection; `connected_at` is its time, in words.

    `able` is whether this server can connect to Xero at all.
    """
    app_set = bool(organization.xero_client_id and organization.xero_client_secret_set)
    connected = organization.xero_token_set_set
    facts: tuple[tuple[str, str], ...] = ()
    problem = None
    if connection:
        by = f", by {connection.connected_by}" if connection.connected_by else ""
        facts = (
            ("Xero organisation", connection.tenant_name),
            ("Connected", connected_at + by),
        )
        if connection.reauth_reason:
            why = _RECONNECT.get(connection.reauth_reason, "Reconnect to go on sending invoices.")
            problem = Problem("Xero needs you to connect again", why)
    if problem:
        badge = Badge("Reconnect needed", Tone.DANGER)
    elif connected:
        badge = Badge("Connected", Tone.SUCCESS)
    elif app_set:
        badge = Badge("Not connected", Tone.INFO)
    else:
        badge = Badge("Not configured", Tone.NEUTRAL)
    return XeroState(
        badge=badge,
        connected=connected,
        can_connect=able and app_set and (not connected or problem is not None),
        app_set=app_set,
        secret_set=organization.xero_client_secret_set,
        facts=facts,
        problem=problem,
    )


@dataclass(frozen=True, slots=True)
class Followed:
    """What became of a test message, by the last look at the log."""

    id: UUID
    title: str
    text: str
    variant: str
    moving: bool


def followed(message: SmsLog) -> Followed:
    """Say how far a test message has come."""
    to = phone(message.to_phone)
    if message.status in LOST and message.status != SmsStatus.UNKNOWN:
        text = _sentence(message.error_message or "Twilio did not say why. Send another test.")
        title = f"Not delivered to {to}{_code(message)}"
        return Followed(message.id, title, text, "destructive", moving=False)
    if message.status in ARRIVED:
        text = "Your credentials work. Twilio reports that the phone has it."
        return Followed(message.id, f"Delivered to {to}", text, "success", moving=False)
    title, text = _ON_THE_WAY.get(message.status, _HANDED_OVER)
    return Followed(message.id, title.format(to=to), text, "default", moving=True)


_HANDED_OVER = (
    "On its way to {to}",
    "Twilio has taken it. Most messages arrive within seconds: check again.",
)
_ON_THE_WAY = {
    SmsStatus.PENDING: ("Being sent to {to}", "It is not with Twilio yet: check again."),
    SmsStatus.SENT: (
        "Sent to {to}",
        "The carrier has it, and has not said yet whether the phone does: check again.",
    ),
    SmsStatus.UNKNOWN: (
        "Twilio gave no answer about {to}",
        "It may have been sent, so do not send it again. It is looked up at Twilio: check again.",
    ),
}


def _sentence(text: str) -> str:
    text = text.strip()
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")
