"""What both proxies share: they listen, and pass messages on between a process and a server.

client --message--> boundary? --forward | fault--> server
"""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Self

from tests.faults.boundaries import Boundaries, Fault

_RESET = struct.pack("ii", 1, 0)  # close with RST
_CHUNK = 1 << 16


class Ended(Exception):
    """One side is gone, or a fault has happened."""


class Conversation(ABC):
    """One connection of the client's, and the one to the server that it leads to."""

    def __init__(
        self, client: socket.socket, server: socket.socket, boundaries: Boundaries
    ) -> None:
        """Pass nothing yet."""
        self.client = client
        self.server = server
        self._boundaries = boundaries
        self._heard = b""
        self._passing = b""

    def pump(self, stop: socket.socket) -> None:
        """Pass on what either side says, until one is gone or `stop` can be read."""
        try:
            while True:
                readable, _, _ = select.select([self.client, self.server, stop], [], [])
                if stop in readable:
                    return
                if self.server in readable:
                    self.client.sendall(_received(self.server))
                if self.client in readable:
                    self._heard = self.hear(self._heard + _received(self.client))
                    self.flush()
        except (Ended, OSError):
            pass
        finally:
            self.client.close()
            self.server.close()

    @abstractmethod
    def hear(self, said: bytes) -> bytes:
        """`forward` each whole message of what the client said; return the rest."""

    @abstractmethod
    def is_whole(self, answer: bytes) -> bool:
        """Whether that is all of the server's answer."""

    def forward(self, message: bytes) -> None:
        """Pass a message on, soon."""
        self._passing += message

    def flush(self) -> None:
        """Pass on what is to be passed."""
        passing, self._passing = self._passing, b""
        self.server.sendall(passing)

    def forward_boundary(self, message: bytes, what: str, *, is_answered: bool) -> None:
        """Pass a message on, unless here is where something happens."""
        fault = self._boundaries.reach(what, is_answered=is_answered)
        if fault is None:
            self.forward(message)
            return
        self.forward(message[: len(message) // 2] if fault is Fault.HALF else b"")
        self.forward(message if fault.waits_for_the_answer else b"")
        self.flush()
        answer = b""
        while fault.waits_for_the_answer and not self.is_whole(answer):
            answer += _received(self.server)
        if fault is Fault.KILL_UNANSWERED:
            self._boundaries.kill()
        if not fault.kills:
            reset(self.client)
            reset(self.server)
        raise Ended


class Proxy:
    """Listens on a loopback `port` while the `with` block runs, and leads to a server."""

    def __init__(
        self, kind: type[Conversation], to: tuple[str, int], boundaries: Boundaries
    ) -> None:
        """Hold a `kind` of conversation with each client."""
        self._kind = kind
        self._to = to
        self._boundaries = boundaries
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        """Listen."""
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listening.getsockname()[1]
        self._stop, self._stopped = socket.socketpair()
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        """End what is still open."""
        self._stop.close()
        for thread in self._threads:
            thread.join(10)
        self._stopped.close()
        self._listening.close()

    def _accept(self) -> None:
        while True:
            readable, _, _ = select.select([self._listening, self._stopped], [], [])
            if self._stopped in readable:
                return
            client, _ = self._listening.accept()
            try:
                server = socket.create_connection(self._to, timeout=30)
            except OSError:  # the server is away, as it is to whoever asks it directly
                reset(client)
                continue
            for each in (client, server):
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._start(self._kind(client, server, self._boundaries).pump, self._stopped)

    def _start(self, run: Callable[..., object], *args: object) -> None:
        thread = threading.Thread(target=run, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()


def reset(each: socket.socket) -> None:
    """Close a connection with RST, as a machine does that knows nothing of it any more."""
    with contextlib.suppress(OSError):
        each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    each.close()


def _received(source: socket.socket) -> bytes:
    chunk = source.recv(_CHUNK)
    if not chunk:
        raise Ended
    return chunk
