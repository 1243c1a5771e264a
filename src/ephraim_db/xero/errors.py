"""What can go wrong with a Xero connection.

XeroError
├── XeroNotConfigured         the organization has no client id and secret yet
├── AuthorizationRefused      a return from Xero was not accepted; nothing was stored
├── NotConnected              there is no connection
├── ReauthorizationRequired   an admin has to connect again; it says why
├── ClientRefused             Xero does not accept the client id and secret
└── XeroUnavailable           Xero did not answer, or asked to come back later
"""

from __future__ import annotations

from enum import StrEnum

from ephraim_db.errors import XeroError


class XeroNotConfigured(XeroError):
    """The organization has no xero_client_id yet: an admin enters it in the settings."""


class Refusal(StrEnum):
    """Why a return from Xero was not accepted."""

    WRONG_REDIRECT = "wrong_redirect"
    UNKNOWN_STATE = "unknown_state"
    FOREIGN_STATE = "foreign_state"
    REPLAYED = "replayed"
    EXPIRED = "expired"
    APP_CHANGED = "app_changed"
    DENIED = "denied"
    PROVIDER_ERROR = "provider_error"
    CODE_REFUSED = "code_refused"
    NO_TENANT = "no_tenant"
    NOT_OFFERED = "not_offered"


_SENTENCES = {
    Refusal.WRONG_REDIRECT: "Xero returned to another address than the one it was asked for: "
    "register that address in the app at developer.xero.com, then connect again.",
    Refusal.UNKNOWN_STATE: "Nobody here was sent to Xero with this state: connect again.",
    Refusal.FOREIGN_STATE: "Somebody else, or another browser session, was sent to Xero with this "
    "state: connect again from your own.",
    Refusal.REPLAYED: "This return from Xero was used before: look whether the connection stands, "
    "else connect again.",
    Refusal.EXPIRED: "It took longer than ten minutes: connect again.",
    Refusal.APP_CHANGED: "The client id was changed on the way: connect again.",
    Refusal.DENIED: "Access was not allowed in Xero.",
    Refusal.PROVIDER_ERROR: "Xero reported an error: connect again.",
    Refusal.CODE_REFUSED: "Xero did not accept its own code, which is good once and for five "
    "minutes: connect again.",
    Refusal.NO_TENANT: "No Xero organisation was chosen: connect again and choose one.",
    Refusal.NOT_OFFERED: "That Xero organisation was not among those offered: choose again.",
}


class AuthorizationRefused(XeroError):
    """A return from Xero was not accepted; nothing was stored."""

    def __init__(self, reason: Refusal) -> None:
        """Keep the `reason`; the message is a sentence that a page can show."""
        super().__init__(_SENTENCES[reason])
        self.reason = reason


class NotConnected(XeroError):
    """The organization is not connected to Xero: an admin connects it in the settings."""


class Reason(StrEnum):
    """Why an admin has to connect again, as xero_connections.reauth_reason holds it."""

    REFRESH_REFUSED = "refresh_refused"
    TENANT_REMOVED = "tenant_removed"


_WHY = {
    Reason.REFRESH_REFUSED: "Xero ended the connection: it was not used for 60 days, or somebody "
    "disconnected the app in Xero. An admin connects again.",
    Reason.TENANT_REMOVED: "The organisation was disconnected from this app in Xero, or is gone. "
    "An admin connects again.",
}


class ReauthorizationRequired(XeroError):
    """An admin has to connect the organization to Xero again."""

    def __init__(self, reason: Reason) -> None:
        """Keep the `reason`; the message is a sentence that a page can show."""
        super().__init__(_WHY[reason])
        self.reason = reason


class ClientRefused(XeroError):
    """Xero does not accept the client id and secret: an admin enters the current secret."""


class XeroUnavailable(XeroError):
    """Xero did not answer as it should: try again later. The connection stands."""

    def __init__(self, retry_after: float | None = None) -> None:
        """Keep how many seconds Xero asked to wait, if it did."""
        wait = "" if retry_after is None else f" It asks to wait {retry_after:.0f} s."
        super().__init__(f"{(type(self).__doc__ or '').splitlines()[0]}{wait}")
        self.retry_after = retry_after
