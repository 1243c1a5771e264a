"""The fake Xero's HTTP: each endpoint over the ledger, and the faults that are waiting for it."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from base64 import b64decode
from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlencode, urlsplit
from uuid import UUID, uuid4

from ephraim_db.fakes.xero import pages
from ephraim_db.fakes.xero.ledger import Ledger
from ephraim_db.fakes.xero.records import Refused, Request

Answer = tuple[int, str, dict[str, str]]  # status, body, headers

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


@dataclass(frozen=True, slots=True)
class State:
    """What all connections share: hold `lock` to look at it or change it."""

    ledger: Ledger
    lock: threading.RLock = field(default_factory=threading.RLock)
    calls: Counter[str] = field(default_factory=Counter)
    requests: dict[str, Request] = field(default_factory=dict)
    faults: dict[str, deque[Fault]] = field(default_factory=lambda: defaultdict(deque))

    def take_fault(self, endpoint: str) -> Fault:
        """Count the call, and return what goes wrong with it."""
        with self.lock:
            self.calls[endpoint] += 1
            waiting = self.faults[endpoint]
            return waiting.popleft() if waiting else Fault()


class Server(ThreadingHTTPServer):
    """Listens on a free port of 127.0.0.1, with a thread for each connection."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(self, state: State) -> None:
        """Answer from `state`."""
        super().__init__(("127.0.0.1", 0), type("Handler", (_Handler,), {"state": state}))

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a peer that went away."""


class _Handler(BaseHTTPRequestHandler):
    state: State
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
        fault = self.state.take_fault(endpoint)
        time.sleep(fault.delay)
        if fault.drop == "before":
            return self._hang_up()
        if fault.status:
            retry = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
            return self._send(fault.status, "", retry)
        query = dict(parse_qsl(parts.query))
        try:
            with self.state.lock:
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
        request = self.state.ledger.request(query)
        key = str(uuid4())
        self.state.requests[key] = request
        return 200, pages.consent(key, request, self.state.ledger.tenants.values()), pages.HTML

    def _consent(self, _: dict[str, str], body: str) -> Answer:
        pairs = parse_qsl(body)
        form = dict(pairs)
        request = self.state.requests.pop(form["request"])
        if form.get("decision") == "allow":
            tenants = [UUID(value) for name, value in pairs if name == "tenant"]
            code = self.state.ledger.allow(request, form.get("user", "bookkeeper"), tenants)
            back = {"code": code, "scope": request.scope, "state": request.state}
        else:
            back = {"error": "access_denied", "state": request.state}
        return 302, "", {"Location": f"{request.redirect_uri}?{urlencode(back)}"}

    def _token(self, _: dict[str, str], body: str) -> Answer:
        form = self._form(body)
        app = self.state.ledger.authenticate(self._basic(), form)
        match form.get("grant_type"):
            case "authorization_code":
                return 200, json.dumps(self.state.ledger.exchange(app, form)), pages.JSON
            case "refresh_token":
                return 200, json.dumps(self.state.ledger.rotate(app, form)), pages.JSON
        raise Refused("unsupported_grant_type")

    def _revocation(self, _: dict[str, str], body: str) -> Answer:
        form = self._form(body)
        app = self.state.ledger.authenticate(self._basic(), form)
        if not form.get("token"):
            raise Refused("invalid_request")
        self.state.ledger.revoke(app, form)
        return 200, "", {}

    def _connections(self, _: dict[str, str], __: str) -> Answer:
        grant = self.state.ledger.bearer(self._bearer())
        mine = self.state.ledger.connections_of(grant)
        return 200, json.dumps([pages.connection(found) for found in mine]), pages.JSON

    def _removal(self, connection: UUID) -> Answer:
        self.state.ledger.remove(self.state.ledger.bearer(self._bearer()), connection)
        return 204, "", {}

    def _organisation(self, _: dict[str, str], __: str) -> Answer:
        grant = self.state.ledger.bearer(self._bearer())
        wanted = self.headers.get("Xero-Tenant-Id")
        for found in self.state.ledger.connections_of(grant):
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
