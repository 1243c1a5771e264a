"""An event loop on a thread of its own, for callers who block."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, wait
from typing import Any, TypeVar

Result = TypeVar("Result")


class Aside:
    """Runs coroutines for any number of threads, from `start` to `stop`."""

    def __init__(self) -> None:
        """Start nothing yet."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._running: set[Future[Any]] = set()

    def start(self) -> None:
        """Start the thread."""
        started: Future[asyncio.AbstractEventLoop] = Future()
        self._thread = threading.Thread(target=_serve, args=(started,), name="sms", daemon=True)
        self._thread.start()
        self._loop = started.result()

    def wait(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        """Return what it returns. Who is interrupted here leaves it running."""
        loop = self._loop
        if loop is None:
            coroutine.close()
            raise RuntimeError("a Sender is used in a `with`")
        future = asyncio.run_coroutine_threadsafe(coroutine, loop)
        self._running.add(future)
        future.add_done_callback(self._running.discard)
        return future.result()

    def soon(self, function: Callable[..., object], *arguments: object) -> None:
        """Have a function called on the loop."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(function, *arguments)

    def finish(self) -> None:
        """Wait for what interrupted callers left running."""
        wait(tuple(self._running))

    def stop(self) -> None:
        """Stop the thread, and whatever runs on its loop."""
        if self._loop is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop = None


def _serve(started: Future[asyncio.AbstractEventLoop]) -> None:
    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        started.set_result(loop)
        loop.run_forever()
