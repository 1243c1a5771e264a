"""A real PgBouncer in transaction mode (Debian: apt install pgbouncer)."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.waiting import port_for_later, wait_until


@contextmanager
def pgbouncer(server_port: int, users: Mapping[str, str], *, connections: int = 2) -> Iterator[int]:
    """Pool every database of a loopback server for `users`, by password; yield the port.

    A pool has `connections`, none of them kept for anybody: fewer than those who use it.
    """
    program = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"
    port = port_for_later()
    with tempfile.TemporaryDirectory() as folder:
        accounts = Path(folder, "users.txt")
        accounts.write_text("".join(f'"{name}" "{word}"\n' for name, word in users.items()))
        settings = Path(folder, "pgbouncer.ini")
        settings.write_text(
            f"[databases]\n* = host=127.0.0.1 port={server_port}\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
            f"auth_type = plain\nauth_file = {accounts}\n"
            f"pool_mode = transaction\ndefault_pool_size = {connections}\n"
        )
        Path(folder).chmod(0o755)
        account = {"user": pwd.getpwnam("nobody").pw_uid} if os.geteuid() == 0 else {}
        process = subprocess.Popen([program, "-q", str(settings)], **account)  # type: ignore[call-overload]
        try:
            wait_until(lambda: _listens(port), "PgBouncer")
            yield port
        finally:
            process.send_signal(signal.SIGTERM)  # at once: what is pooled is thrown away
            process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as knocking:
        return not knocking.connect_ex(("127.0.0.1", port))
