"""A process of its own that asks for a token: `python process.py [kill-before|kill-after]`.

It says "ready", waits for a line, lets eight threads ask at once, and prints what they got.
"""

from __future__ import annotations

import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

from ephraim_db.database import Steps
from ephraim_db.sealing import Keyring
from ephraim_db.xero import App, Endpoints, Xero, stored

THREADS = 8


def die(_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_around(when: str) -> None:
    """Die once Xero has answered: before the answer is stored, or before that is committed."""
    replace = stored.replace

    def replace_and_die(*args: Any) -> Steps[Any]:
        if when == "kill-before":
            die(None)
        yield from replace(*args)
        die(None)

    setattr(stored, "replace", replace_and_die)  # noqa: B010 - mypy lets no function be replaced


def main() -> None:
    database_url, fake_url, redirect_uri, organization_id = (
        os.environ[name] for name in ("DATABASE_URL", "FAKE_URL", "REDIRECT_URI", "ORGANIZATION")
    )
    app = App(redirect_uri, endpoints=Endpoints.at(fake_url))
    if len(sys.argv) > 1:
        die_around(sys.argv[1])
    with (
        Xero(database_url, Keyring.from_env(), app, connections=THREADS) as xero,
        ThreadPoolExecutor(THREADS) as threads,
    ):
        print("ready", flush=True)
        sys.stdin.readline()
        for token in threads.map(xero.token, [UUID(organization_id)] * THREADS):
            print(token.value, flush=True)


if __name__ == "__main__":
    main()
