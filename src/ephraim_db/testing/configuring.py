"""Which project is tested, and on which Postgres: [tool.ephraim_db] of pyproject.toml.

[tool.ephraim_db]
project = "."           # the folder that holds supabase/, seen from pyproject.toml
postgres = "auto"       # auto, embedded, system, docker or postgresql://...

EPHRAIM_DB_POSTGRES in the environment comes before `postgres`: CI tries several, and a URL with a
password does not belong into a file.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ephraim_db.errors import InvalidProject
from ephraim_db.toml import read_toml

_DEFAULTS = {"project": ".", "postgres": "auto"}


@dataclass(frozen=True, slots=True)
class Configuration:
    """What pyproject.toml says, with the defaults."""

    project: Path
    postgres: str

    @property
    def personas(self) -> Path:
        """Return where the project says who there is to act as; there may be no such file."""
        return self.project / "supabase" / "rls.toml"

    @property
    def contract(self) -> Path:
        """Return where the contract of the project is; there may be no such file."""
        return self.project / "supabase" / "rls.contract"


def read_configuration(root: Path) -> Configuration:
    """Read the pyproject.toml in `root`, pytest's rootdir.

    Raises InvalidProject naming the key, or where a folder supabase/ was looked for.
    """
    file = root / "pyproject.toml"
    told = _section(file)
    for key, value in told.items():
        if key not in _DEFAULTS:
            raise InvalidProject(
                f"{file}, [tool.ephraim_db]: {key} is not known here: use {', '.join(_DEFAULTS)}"
            )
        if not (isinstance(value, str) and value):
            raise InvalidProject(
                f'{file}, [tool.ephraim_db]: {key} takes a text, such as "{_DEFAULTS[key]}"'
            )
    values = _DEFAULTS | told
    project = root / values["project"]
    if not (project / "supabase").is_dir():
        raise InvalidProject(
            f"there is no folder supabase in {project}, where the migrations should be: in {file}, "
            'write `project = "..."` under [tool.ephraim_db], the folder that holds supabase/'
        )
    return Configuration(project, os.environ.get("EPHRAIM_DB_POSTGRES") or values["postgres"])


def _section(file: Path) -> dict[str, Any]:
    try:
        document = read_toml(file)
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise InvalidProject(f"{file}: {error}") from error
    tool = document.get("tool")
    section = tool.get("ephraim_db") if isinstance(tool, dict) else None
    return dict(section) if isinstance(section, dict) else {}
