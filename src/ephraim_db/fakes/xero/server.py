"""The fake Xero on loopback, and what a test or the demo does with it.

with FakeXero() as xero: add_app() --> authorization URL --approve()--> callback URL
                         fail("token", Fault(status=503)): the next call of that endpoint
"""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from typing import Self
from urllib.parse import urlencode, urlsplit

from ephraim_db.fakes.xero import pages
from ephraim_db.fakes.xero.endpoints import Fault, Server, State
from ephraim_db.fakes.xero.ledger import Ledger
from ephraim_db.fakes.xero.records import App, Refused, Tenant


class FakeXero:
    """A Xero on loopback while the `with` block runs; `calls` counts what reached each endpoint."""

    def __init__(self) -> None:
        """Stay silent until entered."""
        self._offset = timedelta()
        self._state = State(Ledger(lambda: datetime.now(UTC) + self._offset))
        self.lock: threading.RLock = self._state.lock
        self.ledger: Ledger = self._state.ledger
        self.calls: Counter[str] = self._state.calls

    def __enter__(self) -> Self:
        """Listen on a free port of 127.0.0.1."""
        self._server = Server(self._state)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Where it listens, such as http://127.0.0.1:54321."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def add_app(
        self, client_id: str, client_secret: str | None, redirect_uris: Iterable[str]
    ) -> None:
        """Make an app, or give one another secret; no secret makes it a PKCE app."""
        with self.lock:
            self.ledger.apps[client_id] = App(client_id, client_secret, tuple(redirect_uris))

    def add_tenant(self, name: str) -> Tenant:
        """Make an organisation that users can connect."""
        tenant = Tenant(name)
        with self.lock:
            self.ledger.tenants[tenant.id] = tenant
        return tenant

    def advance(self, by: timedelta) -> None:
        """Let time pass."""
        with self.lock:
            self._offset += by

    def fail(self, endpoint: str, *faults: Fault) -> None:
        """Have the next calls of `endpoint` go wrong, one fault each."""
        with self.lock:
            self._state.faults[endpoint].extend(faults)

    def approve(self, url: str, *, tenants: Iterable[Tenant] = (), user: str = "bookkeeper") -> str:
        """Do what a person in a browser does, and return where Xero sends them back to."""
        chosen = [("tenant", str(tenant.id)) for tenant in tenants]
        return self._decide(url, [("decision", "allow"), ("user", user), *chosen])

    def deny(self, url: str) -> str:
        """Press Cancel, and return where Xero sends them back to."""
        return self._decide(url, [("decision", "deny")])

    def _decide(self, url: str, form: list[tuple[str, str]]) -> str:
        parts = urlsplit(url)
        connection = HTTPConnection(parts.hostname or "", parts.port, timeout=10)
        try:
            connection.request("GET", f"{parts.path}?{parts.query}")
            answer = connection.getresponse()
            page = answer.read().decode()
            found = re.search(r'name="request" value="([0-9a-f-]+)"', page)
            if found is None:
                raise Refused(page, answer.status)
            body = urlencode([("request", found[1]), *form])
            connection.request("POST", parts.path, body, {"Content-Type": pages.FORM})
            return connection.getresponse().headers["Location"]
        finally:
            connection.close()
