"""A stateful, strict Xero on loopback, for tests and the demo. It is nobody's account.

server.py     FakeXero: what a test or the demo does with it
  endpoints.py, pages.py    its HTTP, and the faults it can be told to have
    ledger.py, records.py   what it remembers and when it refuses, without HTTP

Sources: Xero's OAuth 2.0 guides and FAQ, its identity OpenAPI document, RFC 6749, 7009 and 7636.
"""

from ephraim_db.fakes.xero.endpoints import Fault
from ephraim_db.fakes.xero.records import App, Refused, Tenant
from ephraim_db.fakes.xero.server import FakeXero

__all__ = ["App", "FakeXero", "Fault", "Refused", "Tenant"]
