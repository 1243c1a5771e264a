"""The state of each integration at a glance: a badge, and what is wrong if something is."""

from __future__ import annotations

from dataclasses import dataclass

from ephraim_db.organizations import Organization
from ephraim_db.sms_logs import SmsLog
from ephraim_db.web.wording import ARRIVED, LOST, Tone, ago
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
    if tested is not None and tested.status in LOST:
        why = tested.error_message or "Twilio did not say why. Send another test."
        code = f" (Twilio's error {tested.error_code})" if tested.error_code else ""
        return (
            Badge("Failing", Tone.DANGER),
            Problem(f"The last test was not delivered{code}", _sentence(why)),
        )
    if tested is not None and (tested.status in ARRIVED or tested.sent_at):
        return Badge(
            f"Verified {ago(tested.delivered_at or tested.created_at)}", Tone.SUCCESS
        ), None
    return Badge("Configured", Tone.INFO), None


def xero_state(
    organization: Organization, connection: XeroConnection | None, connected_at: str
) -> XeroState:
    """Judge by the stored connection; `connected_at` is its time, in words."""
    app_set = bool(organization.xero_client_id and organization.xero_client_secret_set)
    connected = organization.xero_token_set_set
    facts: tuple[tuple[str, str], ...] = ()
    problem = None
    if connection:
        who = (
            f"{connection.connected_by}, {connected_at}"
            if connection.connected_by
            else connected_at
        )
        facts = (("Xero organisation", connection.tenant_name), ("Connected by", who))
        if connection.reauth_reason:
            problem = Problem(
                "Xero needs you to connect again", _sentence(connection.reauth_reason)
            )
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
        can_connect=app_set and (not connected or problem is not None),
        app_set=app_set,
        secret_set=organization.xero_client_secret_set,
        facts=facts,
        problem=problem,
    )


def _sentence(text: str) -> str:
    text = text.strip()
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")
