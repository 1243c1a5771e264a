"""Fresh virtual environments, as a stranger has them: none of our tools, paths or settings."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


class Failed(Exception):
    """A check did not hold; the message says which, and shows what was said."""


def require(holds: object, otherwise: str) -> None:
    """Fail with `otherwise` unless it holds."""
    if not holds:
        raise Failed(otherwise)


@dataclass(frozen=True, slots=True)
class Environment:
    """A virtual environment in `root`."""

    root: Path

    @property
    def python(self) -> Path:
        """The interpreter."""
        return self.root / "bin" / "python"

    def environ(self, **more: str) -> dict[str, str]:
        """A command's environment: no PYTHONPATH, database or keys of whoever runs this."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTHON", "EPHRAIM_DB", "PG", "VIRTUAL_ENV", "DATABASE_URL"))
        }
        return {**kept, "PATH": f"{self.root / 'bin'}{os.pathsep}{os.environ['PATH']}", **more}

    def try_to_run(
        self, *command: str | Path, cwd: Path | None = None, **environ: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command of this environment, whatever comes of it."""
        return subprocess.run(
            [self.root / "bin" / command[0], *command[1:]],
            cwd=cwd or self.root,
            env=self.environ(**environ),
            capture_output=True,
            text=True,
            check=False,
            timeout=900,
        )

    def run(self, *command: str | Path, cwd: Path | None = None, **environ: str) -> str:
        """Run a command of this environment that must succeed; return what it said on stdout."""
        done = self.try_to_run(*command, cwd=cwd, **environ)
        shown = " ".join(map(str, command))[:300]
        require(not done.returncode, f"`{shown}` failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def install(self, *requirements: str) -> None:
        """Install, which also says whether everything installed agrees."""
        self.run("python", "-m", "pip", "install", "--quiet", "--upgrade", *requirements)
        self.run("python", "-m", "pip", "check")


@contextmanager
def fresh_environment(folder: Path, name: str) -> Iterator[Environment]:
    """Make an environment with nothing but pip, and remove it afterwards."""
    environment = Environment(folder / name)
    interpreter = Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}"
    subprocess.run([interpreter, "-m", "venv", environment.root], check=True)
    try:
        environment.run("python", "-m", "pip", "install", "--quiet", "--upgrade", "pip>=25.1")
        yield environment
    finally:
        shutil.rmtree(environment.root)
