"""Understands HTTP/1.1 just enough to see where one request ends and its answer begins."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from tests.faults.boundaries import Boundaries
from tests.faults.proxying import Conversation, Proxy

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class HttpConversation(Conversation):
    """A connection that may be kept for several requests; bodies come with their length."""

    def hear(self, said: bytes) -> bytes:
        """See each request as a boundary."""
        while size := _size(said):
            request, said = said[:size], said[size:]
            what = request.split(b" HTTP/", 1)[0].decode()
            self.forward_boundary(request, what, is_answered=True)
        return said

    def is_whole(self, answer: bytes) -> bool:
        """Whether the answer has the length that it says."""
        size = _size(answer)
        return bool(size) and len(answer) >= size


def http_proxy(url: str, boundaries: Boundaries) -> Proxy:
    """Return a proxy to the server of an http URL."""
    parts = urlsplit(url)
    return Proxy(HttpConversation, (str(parts.hostname), int(parts.port or 80)), boundaries)


def http_through(proxy: Proxy) -> str:
    """Return where to ask instead."""
    return f"http://127.0.0.1:{proxy.port}"


def _size(said: bytes) -> int:
    """Return how long the first message is, 0 if it is not all there."""
    head, end, _ = said.partition(b"\r\n\r\n")
    if not end:
        return 0
    found = _LENGTH.search(head)
    size = len(head) + len(end) + (int(found[1]) if found else 0)
    return size if len(said) >= size else 0
