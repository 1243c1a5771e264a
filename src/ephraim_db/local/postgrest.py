"""The real PostgREST as a child process, on a Unix socket only the gateway knows."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ephraim_db.errors import PostgrestError
from ephraim_db.postgres.processes import household
from ephraim_db.project.config import ApiConfig

_START_TIMEOUT = 20.0  # seconds


@contextmanager
def run_postgrest(
    program: Path, database_url: str, jwt_secret: str, config: ApiConfig, public_url: str
) -> Iterator[Path]:
    """Start PostgREST over `database_url`; yield its socket once it answers; stop it."""
    with household() as home:
        address = home.directory / "postgrest.sock"
        settings = home.directory / "postgrest.conf"
        settings.touch(mode=0o600)  # secrets go into a file of ours, not into the environment
        settings.write_text(
            "".join(
                f"{name} = {_quoted(value)}\n"
                for name, value in {
                    "db-uri": database_url,
                    "db-schemas": ",".join(config.schemas),
                    "db-extra-search-path": ",".join(config.extra_search_path),
                    "db-max-rows": config.max_rows,
                    "db-anon-role": "anon",
                    "jwt-secret": jwt_secret,
                    "openapi-server-proxy-uri": public_url,
                    "server-unix-socket": address,
                    "log-level": "warn",
                }.items()
            )
        )
        log = home.directory / "postgrest.log"
        with log.open("wb") as output:
            process = home.start(
                [program, settings],
                output=output,
                stop=signal.SIGTERM,
                env={name: value for name, value in os.environ.items() if name[:5] != "PGRST"},
            )
        _await_answer(process, address, log)
        yield address


def _quoted(value: object) -> str:
    if isinstance(value, int):
        return str(value)
    escaped = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _await_answer(process: subprocess.Popen[bytes], address: Path, log: Path) -> None:
    """Return once PostgREST has read the schema: until then it answers 503, or not at all."""
    deadline = time.monotonic() + _START_TIMEOUT
    while time.monotonic() < deadline:
        if _status(address) not in (0, 503):
            return
        try:
            process.wait(0.01)
        except subprocess.TimeoutExpired:
            continue
        break
    raise PostgrestError(f"PostgREST did not start. It said:\n{_last_words(log)}")


def _status(address: Path) -> int:
    """Ask for a table that is not there; return the HTTP status, 0 for no answer."""
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.settimeout(2)
            connection.connect(str(address))
            connection.sendall(b"HEAD /- HTTP/1.0\r\n\r\n")
            answer = connection.recv(64)
        except OSError:
            return 0
    words = answer.split()
    return int(words[1]) if len(words) > 1 else 0


def _last_words(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-12:])
