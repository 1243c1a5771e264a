"""The real Supabase CLI, from node_modules, run against a database of ours."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
EXECUTABLE = ROOT / "node_modules" / ".bin" / "supabase"


@dataclass(frozen=True, slots=True)
class Result:
    status: int
    stdout: str
    stderr: str


def run_supabase(project: Path, url: str, *arguments: str) -> Result:
    """Run `supabase ... --remote=url` in `project`; what it needs is set up by `make setup`."""
    assert EXECUTABLE.exists(), f"{EXECUTABLE} is missing: run `make setup`"
    nodes = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [EXECUTABLE, *arguments, f"--remote={url}?sslmode=disable", "--workdir", project],
        env={
            "PATH": nodes,
            "HOME": str(project),
            "SUPABASE_TELEMETRY_DISABLED": "1",
            "DO_NOT_TRACK": "1",
            "NO_COLOR": "1",
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return Result(done.returncode, done.stdout, done.stderr)


def copy_project(into: Path) -> Path:
    """Copy our own supabase folder, because the CLI leaves notes in it."""
    shutil.copytree(ROOT / "supabase", into / "supabase", ignore=shutil.ignore_patterns(".temp"))
    return into


def make_project(
    into: Path, migrations: Mapping[str, str | bytes], seed: str | None = None
) -> Path:
    """Write a project whose migrations are `migrations`, by file name."""
    folder = into / "supabase" / "migrations"
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in migrations.items():
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    if seed is not None:
        (into / "supabase" / "seed.sql").write_text(seed)
    return into
