"""The fake Twilio's HTTP: threads, keep-alive, and connections that can be cut off."""

from __future__ import annotations

import base64
import binascii
import json
import re
import socket
import struct
import threading
from collections import deque
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, urlencode, urlsplit

from ephraim_db.fakes.twilio import rules
from ephraim_db.fakes.twilio.callbacks import Callbacks, Delivery
from ephraim_db.fakes.twilio.rules import Refusal
from ephraim_db.fakes.twilio.state import VERSION, Account, Fault, Message

_PATH = re.compile(
    rf"/{VERSION}/Accounts/(AC[0-9a-fA-F]{{32}})/Messages(?:/(SM[0-9a-f]{{32}}))?\.json"
)
_RESET = struct.pack("ii", 1, 0)  # close with RST


class FakeTwilio:
    """A Twilio on loopback. Use it in a `with`; `url` is for `Twilio(base_url=...)`.

    With `automatic`, a message that is taken goes on to sent and delivered, or where its account's
    `undeliverable` says, to undelivered; without, `move` does it. `answer_seconds` is how long it
    takes to answer, as Twilio does about 0.1.
    """

    def __init__(self, *, automatic: bool = True, delivery: Delivery | None = None) -> None:
        """Serve on a free port from the `with` on."""
        self.automatic = automatic
        self.accounts: dict[str, Account] = {}
        self.messages: list[Message] = []
        self.violations: list[str] = []
        self.authorizations: list[str] = []
        self.silence_seconds: float = 30.0
        self.answer_seconds: float = 0.0
        self._faults: deque[Fault] = deque()
        self._delivery = delivery or Delivery()
        self._lock = threading.Lock()
        self._stopping = threading.Event()

    def __enter__(self) -> Self:
        """Listen."""
        self.callbacks: Callbacks = Callbacks(self._delivery)
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self.url: str = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop, and let go of those who wait for an answer."""
        self._stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self.callbacks.close()

    def open_account(self, sid: str, auth_token: str, *numbers: str) -> Account:
        """Open an account with numbers that can send SMS."""
        account = Account(sid, auth_token, dict.fromkeys(numbers, True))
        self.accounts[sid] = account
        return account

    def fail_next(self, *faults: Fault) -> None:
        """Let the next messages that are asked for meet these faults, one each."""
        self._faults.extend(faults)

    def move(self, message: Message, status: str, error_code: int | None = None) -> None:
        """Take a message to its next status, and report it."""
        message.move(status, error_code)
        self.callbacks.report(self.accounts[message.account_sid], message)

    def _create(self, account: Account, form: dict[str, str]) -> Refusal | Message:
        refusal = rules.refuse_message(account, form)
        if refusal is not None:
            return refusal
        message = Message(
            account.sid, form["To"], form["From"], form["Body"], form.get("StatusCallback")
        )
        with self._lock:
            self.messages.append(message)
        return message

    def _take_off(self, account: Account, message: Message) -> None:
        if not self.automatic:
            return
        self.move(message, "sent")
        code = account.undeliverable.get(message.to)
        self.move(message, "undelivered" if code else "delivered", code)

    def _next_fault(self) -> Fault | None:
        with self._lock:
            return self._faults.popleft() if self._faults else None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def _handler(twilio: FakeTwilio) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            account = self._account()
            if account is None:
                return
            form = parse_qsl(body.decode(), keep_blank_values=True)
            wrong = rules.violations(form, rules.CREATE_PARAMETERS)
            if self.headers.get_content_type() != "application/x-www-form-urlencoded":
                wrong.append("the body is not application/x-www-form-urlencoded")
            twilio.violations.extend(wrong)
            fault = twilio._next_fault()
            if fault is not None and not fault.endswith("after"):
                self._fail(fault)
                return
            made = twilio._create(account, dict(form))
            if isinstance(made, Refusal):
                self._refuse(made)
                return
            answer = made.as_json()  # as it was taken: queued
            if fault is not None:
                self._fail(fault)
            else:
                self._answer(HTTPStatus.CREATED, answer)
            twilio._take_off(account, made)

        def do_GET(self) -> None:
            account = self._account()
            if account is None:
                return
            parts = urlsplit(self.path)
            query = parse_qsl(parts.query, keep_blank_values=True)
            twilio.violations.extend(rules.violations(query, rules.LIST_PARAMETERS))
            sid = (_PATH.fullmatch(parts.path) or [""] * 3)[2]
            mine = [m for m in reversed(twilio.messages) if m.account_sid == account.sid]
            if sid:
                found = [m for m in mine if m.sid == sid]
                if found:
                    self._answer(HTTPStatus.OK, found[0].as_json())
                else:
                    self._refuse(rules.not_found(parts.path))
                return
            self._answer(HTTPStatus.OK, _page(parts.path, mine, dict(query)))

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
            """Say nothing."""

        def _account(self) -> Account | None:
            path = urlsplit(self.path).path
            named = _PATH.fullmatch(path)
            if named is None:
                self._refuse(rules.not_found(path))
                return None
            authorization = self.headers.get("Authorization", "")
            twilio.authorizations.append(authorization)
            account = twilio.accounts.get(named[1])
            if account is None or _login(authorization) != f"{account.sid}:{account.auth_token}":
                self._refuse(rules.AUTHENTICATE)
                return None
            return account

        def _fail(self, fault: Fault) -> None:
            if fault == Fault.BUSY:
                self._refuse(rules.TOO_MANY)
            elif fault in {Fault.BROKEN, Fault.BROKEN_AFTER}:
                self._refuse(rules.BROKEN)
            elif fault == Fault.GARBAGE_AFTER:
                self._send(HTTPStatus.CREATED, b"<html>", "text/html")
            else:
                if fault in {Fault.SILENCE, Fault.SILENCE_AFTER}:
                    twilio._stopping.wait(twilio.silence_seconds)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                self.close_connection = True

        def _refuse(self, refusal: Refusal) -> None:
            self._answer(refusal.status, refusal.as_json())

        def _answer(self, status: int, answer: dict[str, Any]) -> None:
            self._send(status, json.dumps(answer).encode(), "application/json")

        def _send(self, status: int, body: bytes, kind: str) -> None:
            if twilio.answer_seconds:
                twilio._stopping.wait(twilio.answer_seconds)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            self.wfile.flush()

    return Handler


def _login(authorization: str) -> str:
    try:
        return base64.b64decode(authorization.removeprefix("Basic "), validate=True).decode()
    except (binascii.Error, ValueError):
        return ""


def _page(path: str, messages: list[Message], query: dict[str, str]) -> dict[str, Any]:
    wanted = [
        m
        for m in messages
        if query.get("To", m.to) == m.to and query.get("From", m.from_) == m.from_
    ]
    size, page = int(query.get("PageSize", 50)), int(query.get("Page", 0))
    start = page * size
    shown = wanted[start : start + size]
    more = start + size < len(wanted)
    uri = f"{path}?{urlencode(query)}"
    later = f"{path}?{urlencode({**query, 'Page': str(page + 1), 'PageToken': 'PASM'})}"
    return {
        "end": start + len(shown) - 1,
        "first_page_uri": f"{path}?{urlencode({**query, 'Page': '0'})}",
        "messages": [m.as_json() for m in shown],
        "next_page_uri": later if more else None,
        "page": page,
        "page_size": size,
        "previous_page_uri": None,
        "start": start,
        "uri": uri,
    }
