"""An organization's connection to Xero: made, kept fresh however many ask, ended.

service.py   Xero, AsyncXero: what others call
  authorizing.py, returning.py        to Xero and back
  connecting.py                       tenant, tokens and flag at once
  refreshing.py                       one refresh at a time, stored before it is used
  disconnecting.py                    here at once, at Xero as soon as it answers
  checking.py                         what state the connections are in
    stored.py, tokens.py              what the database holds, sealed
    calls.py, wire.py, performing.py  what Xero is asked, through Authlib's client
"""

from ephraim_db.xero.app import GRANULAR_SCOPES, App, Endpoints
from ephraim_db.xero.calls import Tenant
from ephraim_db.xero.checking import Status
from ephraim_db.xero.connecting import Connection
from ephraim_db.xero.errors import (
    AuthorizationRefused,
    ClientRefused,
    NotConnected,
    Reason,
    ReauthorizationRequired,
    Refusal,
    XeroNotConfigured,
    XeroUnavailable,
)
from ephraim_db.xero.returning import Choice
from ephraim_db.xero.service import AsyncXero, Xero
from ephraim_db.xero.tokens import AccessToken

__all__ = [
    "GRANULAR_SCOPES",
    "AccessToken",
    "App",
    "AsyncXero",
    "AuthorizationRefused",
    "Choice",
    "ClientRefused",
    "Connection",
    "Endpoints",
    "NotConnected",
    "Reason",
    "ReauthorizationRequired",
    "Refusal",
    "Status",
    "Tenant",
    "Xero",
    "XeroNotConfigured",
    "XeroUnavailable",
]
