"""The fake Xero on loopback: its pages, its endpoints, and the faults they can be told to have.

with FakeXero() as xero: add_app() --> authorization URL --approve()--> callback URL
                         fail("token", Fault(status=503)): the next call of that endpoint
"""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from base64 import b64decode
from collections import Counter, defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import parse_qsl, urlencode, urlsplit
from uuid import UUID, uuid4

from ephraim_db.fakes.xero import pages
from ephraim_db.fakes.xero.ledger import App, Ledger, Refused, Request, Tenant, utc_now

_ENDPOINTS = {
    ("GET", "/identity/connect/authorize"): "authorize",
    ("POST", "/identity/connect/authorize"): "consent",
    ("POST", "/connect/token"): "token",
    ("POST", "/connect/revocation"): "revocation",
    ("GET", "/connections"): "connections",
    ("GET", "/api.xro/2.0/Organisation"): "organisation",
}
_REMOVE = re.compile(r"/connections/([0-9a-f-]{36})")


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong, once: a status instead of an answer, a delay, or a dropped connection.

    `drop` "before" closes before Xero has done anything, "after" once it has: the answer is lost.
    """

    status: int | None = None
    retry_after: int | None = None
    delay: float = 0.0
    drop: str | None = None


class FakeXero:
    """A Xero on loopback while the `with` block runs; `calls` counts what reached each endpoint."""

    def __init__(self) -> None:
        """Stay silent until entered."""
        self._offset = timedelta()
        self.lock = threading.RLock()
        self.ledger = Ledger(lambda: utc_now() + self._offset)
        self.calls: Counter[str] = Counter()
        self.requests: dict[str, Request] = {}
        self._faults: dict[str, deque[Fault]] = defaultdict(deque)

    def __enter__(self) -> Self:
        """Listen on a free port of 127.0.0.1."""
        handler = type("Handler", (_Handler,), {"xero": self})
        self._server = _Server(("127.0.0.1", 0), handler)
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
            self._faults[endpoint].extend(faults)

    def approve(self, url: str, *, tenants: Iterable[Tenant] = (), user: str = "bookkeeper") -> str:
        """Do what a person in a browser does, and return where Xero sends them back to."""
        chosen = [("tenant", str(tenant.id)) for tenant in tenants]
        return self._decide(url, [("decision", "allow"), ("user", user), *chosen])

    def deny(self, url: str) -> str:
        """Press Cancel, and return where Xero sends them back to."""
        return self._decide(url, [("decision", "deny")])

    def take_fault(self, endpoint: str) -> Fault:
        """Count the call, and return what goes wrong with it."""
        with self.lock:
            self.calls[endpoint] += 1
            faults = self._faults[endpoint]
            return faults.popleft() if faults else Fault()

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


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a peer that went away."""


class _Handler(BaseHTTPRequestHandler):
    xero: FakeXero
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 30

    def log_message(self, *_: object) -> None:
        """Log nothing."""

    def do_GET(self) -> None:
        self._handle("GET")

    def do_POST(self) -> None:
        self._handle("POST")

    def do_DELETE(self) -> None:
        self._handle("DELETE")

    def _handle(self, method: str) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        removal = _REMOVE.fullmatch(parts.path) if method == "DELETE" else None
        endpoint = "removal" if removal else _ENDPOINTS.get((method, parts.path), "nowhere")
        fault = self.xero.take_fault(endpoint)
        time.sleep(fault.delay)
        if fault.drop == "before":
            return self._hang_up()
        if fault.status:
            retry = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
            return self._send(fault.status, "", retry)
        query = dict(parse_qsl(parts.query))
        try:
            with self.xero.lock:
                if removal:
                    answer = self._removal(UUID(removal[1]))
                else:
                    answer = getattr(self, f"_{endpoint}")(query, body)
        except Refused as refused:
            answer = self._refusal(endpoint, refused)
        if fault.drop == "after":
            return self._hang_up()
        return self._send(*answer)

    def _authorize(self, query: dict[str, str], _: str) -> Answer:
        request = self.xero.ledger.request(query)
        key = str(uuid4())
        self.xero.requests[key] = request
        return 200, pages.consent(key, request, self.xero.ledger.tenants.values()), pages.HTML

    def _consent(self, _: dict[str, str], body: str) -> Answer:
        pairs = parse_qsl(body)
        form = dict(pairs)
        request = self.xero.requests.pop(form["request"])
        if form.get("decision") == "allow":
            tenants = [UUID(value) for name, value in pairs if name == "tenant"]
            code = self.xero.ledger.allow(request, form.get("user", "bookkeeper"), tenants)
            back = {"code": code, "scope": request.scope, "state": request.state}
        else:
            back = {"error": "access_denied", "state": request.state}
        return 302, "", {"Location": f"{request.redirect_uri}?{urlencode(back)}"}

    def _token(self, _: dict[str, str], body: str) -> Answer:
        form = self._form(body)
        app = self.xero.ledger.authenticate(self._basic(), form)
        match form.get("grant_type"):
            case "authorization_code":
                return 200, json.dumps(self.xero.ledger.exchange(app, form)), pages.JSON
            case "refresh_token":
                return 200, json.dumps(self.xero.ledger.rotate(app, form)), pages.JSON
        raise Refused("unsupported_grant_type")

    def _revocation(self, _: dict[str, str], body: str) -> Answer:
        form = self._form(body)
        app = self.xero.ledger.authenticate(self._basic(), form)
        if not form.get("token"):
            raise Refused("invalid_request")
        self.xero.ledger.revoke(app, form)
        return 200, "", {}

    def _connections(self, _: dict[str, str], __: str) -> Answer:
        grant = self.xero.ledger.bearer(self._bearer())
        mine = self.xero.ledger.connections_of(grant)
        return 200, json.dumps([pages.connection(found) for found in mine]), pages.JSON

    def _removal(self, connection: UUID) -> Answer:
        self.xero.ledger.remove(self.xero.ledger.bearer(self._bearer()), connection)
        return 204, "", {}

    def _organisation(self, _: dict[str, str], __: str) -> Answer:
        grant = self.xero.ledger.bearer(self._bearer())
        wanted = self.headers.get("Xero-Tenant-Id")
        for found in self.xero.ledger.connections_of(grant):
            if str(found.tenant.id) == wanted:
                return 200, json.dumps({"Organisations": [{"Name": found.tenant.name}]}), pages.JSON
        raise Refused("AuthenticationUnsuccessful", 403)

    def _nowhere(self, _: dict[str, str], __: str) -> Answer:
        return 404, "", {}

    def _refusal(self, endpoint: str, refused: Refused) -> Answer:
        if endpoint == "authorize":
            return refused.status, pages.error(refused.error), pages.HTML
        if refused.status == 400:
            return 400, json.dumps({"error": refused.error}), pages.JSON
        return refused.status, pages.problem(refused.error, refused.status), pages.JSON

    def _form(self, body: str) -> dict[str, str]:
        pairs = parse_qsl(body, keep_blank_values=True)
        names = [name for name, _ in pairs]
        is_form = self.headers.get_content_type() == pages.FORM
        if not is_form or len(names) != len(set(names)):
            raise Refused("invalid_request")
        return dict(pairs)

    def _basic(self) -> tuple[str, str] | None:
        scheme, _, value = self.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return None
        client_id, _, secret = b64decode(value).decode().partition(":")
        return client_id, secret

    def _bearer(self) -> str:
        scheme, _, value = self.headers.get("Authorization", "").partition(" ")
        return value if scheme == "Bearer" else ""

    def _send(self, status: int, body: str, headers: dict[str, str]) -> None:
        content = body.encode()
        self.send_response(status)
        for name, value in {"Cache-Control": "no-store", **headers}.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _hang_up(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)


Answer = tuple[int, str, dict[str, str]]
