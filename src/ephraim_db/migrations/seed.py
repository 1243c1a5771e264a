"""Run a project's seed files once each, as `[db.seed]` of config.toml names them.

supabase_migrations.seed_files (path, hash) says which ran; the Supabase CLI reads it as well.
"""

from __future__ import annotations

import glob
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import tuple_row

from ephraim_db.errors import InvalidProject
from ephraim_db.migrations.execute import Script, Step, run_group, start_afresh
from ephraim_db.migrations.files import read_sql
from ephraim_db.migrations.lock import alone
from ephraim_db.migrations.statements import split_statements
from ephraim_db.toml import read_toml

_CREATE = """
    create schema if not exists supabase_migrations;
    create table if not exists supabase_migrations.seed_files
    (path text not null primary key, hash text not null);
"""
_RECORD = (
    "insert into supabase_migrations.seed_files (path, hash) values (%s, %s) "
    "on conflict (path) do update set hash = excluded.hash"
)


def apply_seed(
    connection: psycopg.Connection[Any],
    project: Path,
    *,
    on_progress: Callable[[str], None] | None = None,
) -> None:
    """Run the seed files that never ran here, one transaction each.

    A file that changed since it ran is not run again, only noted, as the CLI does. Raises
    `InvalidProject` for a config.toml that cannot be read, `MigrationFailed` for a statement that
    Postgres refuses.
    """
    tell = on_progress or (lambda _: None)
    paths = seed_paths(project, tell)
    if not paths:
        return
    with alone(connection, tell):
        connection.execute(_CREATE)
        cursor = connection.cursor(row_factory=tuple_row)
        ran: dict[str, str] = dict(
            cursor.execute("select path, hash from supabase_migrations.seed_files")
        )
        for path in paths:
            digest = hashlib.sha256((project / path).read_bytes()).hexdigest()
            if ran.get(path) == digest:
                continue
            if path in ran:
                tell(f"{path} changed since it ran: noted, not run again")
                connection.execute(_RECORD, (path, digest))
                continue
            tell(f"seeding {path}")
            _run(connection, project, path, digest)


def record_seed(connection: psycopg.Connection[Any], project: Path, path: Path) -> None:
    """Note that a seed file ran, whatever became of it."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    connection.execute(_RECORD, (str(path.relative_to(project)), digest))


def _run(connection: psycopg.Connection[Any], project: Path, path: str, digest: str) -> None:
    sql = read_sql(project / path)
    script = Script(project / path, sql, split_statements(sql))
    statements = [
        Step(statement.text, statement=index) for index, statement in enumerate(script.statements)
    ]
    start_afresh(connection)
    record = Step(_RECORD, (path, digest))
    run_group(connection, script, [Step("begin"), *statements, record, Step("commit")])


def seed_paths(project: Path, tell: Callable[[str], None]) -> list[str]:
    """List the seed files, in order, as the ledger names them: `supabase/seed.sql`."""
    config = project / "supabase" / "config.toml"
    seed = _seed_section(config)
    if not seed.get("enabled", True):
        return []
    found: dict[str, None] = {}
    try:
        for pattern in seed.get("sql_paths", ["./seed.sql"]):
            names = _matches(project, str(Path("supabase", pattern)))
            if not names and "sql_paths" in seed:
                tell(f"no seed file matches {Path('supabase', pattern)}")
            found.update(dict.fromkeys(name for name in names if (project / name).is_file()))
    except OSError as error:
        raise InvalidProject(
            f"{error.filename}, to which sql_paths in {config} leads, cannot be read: "
            f"{error.strerror}"
        ) from error
    return list(found)


def _matches(project: Path, pattern: str) -> list[str]:
    names: list[str] = []
    for match in sorted(glob.glob(pattern, root_dir=project, include_hidden=True), key=os.fsencode):
        inside = sorted((project / match).rglob("*.sql")) if (project / match).is_dir() else []
        names += [str(path.relative_to(project)) for path in inside] if inside else [match]
    return names


def _seed_section(config: Path) -> dict[str, Any]:
    try:
        seed: Any = read_toml(config)
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise InvalidProject(f"{config}: {error}") from error
    for name in ("db", "seed"):
        seed = seed.get(name, {})
        if not isinstance(seed, dict):
            raise InvalidProject(f"{config}: {name} is not a table: write [db.seed]")
    paths = seed.get("sql_paths", [])
    are_paths = isinstance(paths, list) and all(isinstance(path, str) and path for path in paths)
    if not isinstance(seed.get("enabled", True), bool) or not are_paths:
        raise InvalidProject(
            f'{config}: [db.seed] takes enabled = true or false and sql_paths = ["./seed.sql"]'
        )
    return dict(seed)
