"""The settings page: integrations and the SMS log, server-rendered, mountable in any ASGI app.

browser --> Shield --> session --> AsyncClient, as the signed-in user --> PostgREST decides
                              \\-> sms, xero: only what the database said an admin asked for

Needs the `web` extra.
"""

from ephraim_db.web.app import create_app
from ephraim_db.web.personas import Personas
from ephraim_db.web.verifying import PublishedKeys, SharedSecret

__all__ = ["Personas", "PublishedKeys", "SharedSecret", "create_app"]
