"""A stateful, strict Xero on loopback, for tests and the demo. It is nobody's account.

ledger.py: apps, codes, grants, tokens, connections and their rules, without HTTP
server.py: the pages and endpoints over it, and the faults they can be told to have

Sources: Xero's OAuth 2.0 guides and FAQ, its identity OpenAPI document, RFC 6749, 7009 and 7636.
"""

from ephraim_db.fakes.xero.ledger import App, Refused, Tenant
from ephraim_db.fakes.xero.server import FakeXero, Fault

__all__ = ["App", "FakeXero", "Fault", "Refused", "Tenant"]
