"""Run a page's commands in one shell, and find what the page shows in what they said."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.docs.blocks import ROOT, Block

PROGRAMS = (Path(sys.executable).parent, ROOT / "node_modules" / ".bin")


@dataclass(frozen=True, slots=True)
class Session:
    """What a block's commands said, both streams in their order, and the last one's status."""

    block: Block
    said: str
    status: int

    def shows_what_the_page_shows(self) -> None:
        """Fail unless each line of output is there, in order; `...` and any number may differ."""
        position = 0
        for line in _shown(self.block):
            pattern = re.sub(r"\d+", r"\\d+", re.escape(line.strip()).replace(r"\.\.\.", ".*"))
            found = re.compile(rf"^\s*{pattern}\s*$", re.M).search(self.said, position)
            assert found, f"{self.block} shows {line!r}; the commands said:\n{self.said}"
            position = found.end()


def run_block(
    block: Block,
    project: Path,
    instead: Mapping[str, str] | None = None,
    *,
    status: int = 0,
    only: str = "",
    **environ: str,
) -> Session:
    """Run every command of a block in `project`, with `instead` for what the page leaves open.

    Each key of `instead` must be in the block, so that none outlives what it was for. With `only`,
    commands without these words are left out. The last must end with `status`, the others well.
    """
    text = block.text
    for open_, filled in (instead or {}).items():
        assert open_ in text, f"{block} no longer says {open_!r}"
        text = text.replace(open_, filled)
    commands = [line for line in _commands(text, block) if only in line]
    assert commands, f"{block} has no commands"
    done = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", "exec 2>&1\n" + "\n".join(commands)],
        cwd=project,
        env={**_environ(project), **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert done.returncode == status, f"{block} ended with {done.returncode}:\n{done.stdout}"
    return Session(block, done.stdout, done.returncode)


@contextmanager
def started_block(block: Block, project: Path) -> Iterator[Session]:
    """Run a block whose one command goes on until Ctrl-C; give what it said until it was ready."""
    (command,) = _commands(block.text, block)
    last = _shown(block)[-1]
    process = subprocess.Popen(
        ["bash", "-c", f"exec 2>&1; exec {command}"],
        cwd=project,
        env=_environ(project),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    with process:
        said = ""
        for line in process.stdout:
            said += line
            if line.strip() == last:
                break
        try:
            yield Session(block, said, 0)
        finally:
            process.send_signal(signal.SIGINT)
            process.stdout.read()
            process.wait(30)


def _commands(text: str, block: Block) -> list[str]:
    if block.language == "console":
        return [line[2:] for line in text.splitlines() if line.startswith("$ ")]
    return text.splitlines()


def _shown(block: Block) -> list[str]:
    return [line for line in block.text.splitlines() if line and not line.startswith("$ ")]


def _environ(project: Path) -> dict[str, str]:
    path = os.pathsep.join([*map(str, PROGRAMS), os.environ["PATH"]])
    kept = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    quiet = {"SUPABASE_TELEMETRY_DISABLED": "1", "DO_NOT_TRACK": "1", "NO_COLOR": "1"}
    return {**kept, **quiet, "PATH": path, "HOME": str(project), "COLUMNS": "140"}
