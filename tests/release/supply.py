"""What the package brings along: is anything of it known to be vulnerable, and a list of it all."""

from __future__ import annotations

import json
from pathlib import Path

from tests.release.environment import Environment, require
from tests.release.package import DIST


def write_sbom(tools: Environment, installed: Environment) -> Path:
    """Write dist/ephraim-db.cdx.json (CycloneDX) of everything that all extras install."""
    file = DIST / "ephraim-db.cdx.json"
    tools.run(
        "cyclonedx-py", "environment", "--output-reproducible", "--validate",
        "--output-file", file, installed.python,
    )  # fmt: skip
    components = {one["name"] for one in json.loads(file.read_text())["components"]}
    require({"supabase", "cryptography", "psycopg", "ephraim-db"} <= components, "SBOM has a gap")
    return file


def audit(tools: Environment, installed: Environment) -> str:
    """Ask the vulnerability database about every package that all extras install, but ours."""
    frozen = installed.run("python", "-m", "pip", "freeze", "--exclude", "ephraim-db")
    pinned = installed.root / "frozen.txt"
    pinned.write_text(frozen)
    arguments = ("--disable-pip", "--no-deps", "--progress-spinner", "off", "--requirement", pinned)
    done = tools.try_to_run("pip-audit", *arguments)
    require(not done.returncode, f"pip-audit:\n{done.stdout}{done.stderr[-1500:]}")
    return f"{len(frozen.splitlines())} packages, {done.stderr.strip().splitlines()[-1]}"
