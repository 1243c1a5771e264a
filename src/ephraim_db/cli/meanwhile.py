"""Do what needs no database while the command waits for one: import, read a file, draw a table.

main thread     connects .. waits ...... asks .. waits .................... tells
another                imports .. reads          imports .. draws
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from importlib import import_module
from threading import Thread
from typing import TypeVar

T = TypeVar("T")
SOON = 0.0002
"""Seconds until a thread that waits no longer for Postgres goes on before one that computes."""


def meanwhile(work: Callable[[], T]) -> Future[T]:
    """Begin it in another thread, which nobody waits for when the command is stopped."""
    future: Future[T] = Future()
    sys.setswitchinterval(SOON)

    def do() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    Thread(target=do, daemon=True).start()
    return future


def import_meanwhile(*modules: str) -> Future[None]:
    """Begin to import what will be needed, in this order. Whoever needs it, imports it as ever."""

    def load() -> None:
        with suppress(ImportError):  # told when it is needed
            for module in modules:
                import_module(module)

    return meanwhile(load)
