"""What is done while something goes wrong: each story runs in a process of its own."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from ephraim_db.cli import main


def command(arguments: list[str], environment: dict[str, str]) -> None:
    """Run `ephraim-db` as a person does."""
    os.environ.update(environment)
    sys.argv = ["ephraim-db", *arguments]
    main()


def migrate(project: Path, url: str) -> None:
    """Apply the migrations."""
    command(["migrate", "up", "--project", str(project)], {"DATABASE_URL": url})
