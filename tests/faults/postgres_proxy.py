"""Understands Postgres's protocol just enough to see where one statement ends and another begins.

https://www.postgresql.org/docs/current/protocol-message-formats.html: one byte of type (none in
the first message), four of length, which count themselves.
"""

from __future__ import annotations

from psycopg.conninfo import conninfo_to_dict, make_conninfo
from tests.faults.boundaries import Boundaries
from tests.faults.proxying import Conversation, Proxy

_QUERY, _PARSE, _EXECUTE, _SYNC, _READY = b"QPESZ"
_ANSWERED = (_QUERY, _SYNC)


class PostgresConversation(Conversation):
    """A session. A statement of its own is Parse, Bind, Execute, Sync; a pipeline has one Sync."""

    _greeted = False
    _parsed = ""

    def hear(self, said: bytes) -> bytes:
        """See Query, Execute and Sync as boundaries."""
        while message := _whole(said, 1 if self._greeted else 0):
            said = said[len(message) :]
            kind = message[0]
            if not self._greeted:
                self._greeted = True
                self.forward(message)
            elif kind in (_QUERY, _EXECUTE, _SYNC):
                self.forward_boundary(message, self._what(message), is_answered=kind in _ANSWERED)
            else:
                if kind == _PARSE:
                    self._parsed = _words(message[5:].split(b"\0")[1])
                self.forward(message)
        return said

    def is_whole(self, answer: bytes) -> bool:
        """Whether the last message is ReadyForQuery."""
        last = b""
        while message := _whole(answer, 1):
            answer, last = answer[len(message) :], message
        return not answer and last[:1] == bytes([_READY])

    def _what(self, message: bytes) -> str:
        if message[0] == _QUERY:
            return f"query: {_words(message[5:])}"
        return f"{'execute' if message[0] == _EXECUTE else 'sync after'}: {self._parsed}"


def postgres_proxy(url: str, boundaries: Boundaries) -> Proxy:
    """Return a proxy to the server of a libpq URL."""
    given = conninfo_to_dict(url)
    return Proxy(PostgresConversation, (str(given["host"]), int(given["port"] or 5432)), boundaries)


def through(proxy: Proxy, url: str) -> str:
    """Return the same database, reached through the proxy."""
    return make_conninfo(
        url, host="127.0.0.1", port=proxy.port, sslmode="disable", gssencmode="disable"
    )


def _whole(said: bytes, type_size: int) -> bytes:
    """Return the first message, or nothing if it is not all there."""
    if len(said) < type_size + 4:
        return b""
    end = type_size + int.from_bytes(said[type_size : type_size + 4], "big")
    return said[:end] if len(said) >= end else b""


def _words(sql: bytes) -> str:
    return " ".join(sql.decode(errors="replace").strip("\0").split())[:60]
