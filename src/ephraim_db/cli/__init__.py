"""The command `ephraim-db`: one file per command group, loaded when it is called.

main --> group.py --> start.py | migrate.py | rls.py | keys.py | xero.py | demo.py
"""

from __future__ import annotations

import gc
import signal
import sys
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from types import FrameType

SELDOM = 100_000
"""Objects made between two looks for garbage: most of what a command makes lasts until it ends."""
STOPPED = 130
"""The exit status after a Ctrl-C or a polite kill, which says nothing else: no 1 of `rls check`."""
_STOPS = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}


def main() -> None:
    """Run the command line; an expected failure is one message on stderr and status 1."""
    gc.set_threshold(SELDOM)
    for number, unchanged in _STOPS.items():
        if signal.getsignal(number) is unchanged:  # and it is not ignored
            signal.signal(number, _interrupt)
    try:
        _run()
    except KeyboardInterrupt:
        sys.exit(STOPPED)
    finally:
        _ignore_stops()  # it ends already
        gc.freeze()  # nothing to be looked through before everything goes


def _run() -> None:
    try:
        import click  # noqa: F401 - only whether it is there
    except ImportError:
        sys.exit("ephraim-db's commands need more packages: pip install 'ephraim-db[rls]'")
    from ephraim_db.cli.group import commands
    from ephraim_db.errors import EphraimError

    try:
        commands(prog_name="ephraim-db")
    except EphraimError as error:
        sys.exit(f"error: {error}")


def _interrupt(_: int, __: FrameType | None) -> NoReturn:
    """Stop once; a second Ctrl-C must not stop the cleaning up."""
    _ignore_stops()
    raise KeyboardInterrupt


def _ignore_stops() -> None:
    for number in _STOPS:
        signal.signal(number, signal.SIG_IGN)
