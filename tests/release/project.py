"""A stranger's project, with our migrations put there by the installed command, and served."""

from __future__ import annotations

import json
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.release.environment import Environment, require
from tests.release.package import ROOT

_SERVE = """
import json, sys
from pathlib import Path
import psycopg
from ephraim_db.local import start_local
from ephraim_db.sealing import PrivateKey
with start_local(Path(sys.argv[1]), postgres="embedded") as local:
    key = PrivateKey.generate().public()
    with psycopg.connect(local.server.url(local.database)) as owner:
        owner.execute("update sealing_keys set status = 'retired' where status = 'active'")
        owner.execute("insert into sealing_keys (kid, x, status) values (%s, %s, 'active')",
                      (key.kid, key.x))
    names = {"API_URL": local.api_url, "ANON_KEY": local.anon_key,
             "ACCESS_TOKEN": local.access_token(sys.argv[2])}
    print(json.dumps(names), flush=True)
    sys.stdin.read()
"""


def export_project(environment: Environment, folder: Path) -> Path:
    """Make a project of what the wheel ships, seeded with our own people and rows."""
    (folder / "supabase").mkdir(parents=True)
    environment.run("ephraim-db", "migrations", "export", folder)
    ours = {path.name for path in (ROOT / "supabase" / "migrations").glob("*.sql")}
    theirs = {path.name for path in (folder / "supabase" / "migrations").iterdir()}
    require(ours == theirs, f"exported {sorted(theirs)}")
    require(not (folder / "supabase" / "seed.sql").exists(), "a seed was exported")
    for name in ("seed.sql", "rls.toml", "rls.contract", "config.toml"):
        shutil.copy(ROOT / "supabase" / name, folder / "supabase" / name)
    return folder


@contextmanager
def served(environment: Environment, project: Path) -> Iterator[dict[str, str]]:
    """Run a local Supabase from an installed `local` extra; give README's environment variables."""
    personas = tomllib.loads((ROOT / "supabase" / "rls.toml").read_text())["personas"]
    process = subprocess.Popen(
        [environment.python, "-c", _SERVE, project, personas["admin"]["sub"]],
        env=environment.environ(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        require(line, "the local Supabase of the installed package did not start")
        yield json.loads(line)
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait(60)


def check_rls(environment: Environment, project: Path) -> None:
    """`rls check` goes from nothing to a verdict with the `rls` extra alone."""
    said = environment.run("ephraim-db", "rls", "check", "--project", project)
    print("   ", said.strip().splitlines()[-1] if said.strip() else "")
