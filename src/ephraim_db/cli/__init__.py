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


def main() -> None:
    """Run the command line; an expected failure is one message on stderr and status 1."""
    gc.set_threshold(SELDOM)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # and it is not ignored
        signal.signal(signal.SIGINT, interrupt)
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
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # it ends already
        gc.freeze()  # nothing to be looked through before everything goes


def interrupt(_: int, __: FrameType | None) -> NoReturn:
    """Stop once; a second Ctrl-C must not stop the cleaning up."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt
