"""Run a project's seed files once each, as `[db.seed]` of config.toml names them.

supabase_migrations.seed_files (path, hash) says which ran; the Supabase CLI reads it as well.
"""

from __future__ import annotations

import glob
import hashlib
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import tuple_row

from ephraim_db.errors import InvalidProject
from ephraim_db.migrations.execute import Script, Step, run_group
from ephraim_db.migrations.files import read_sql
from ephraim_db.migrations.lock import alone
from ephraim_db.migrations.statements import split_statements

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
    connection.execute("reset all")
    record = Step(_RECORD, (path, digest))
    run_group(connection, script, [Step("begin"), *statements, record, Step("commit")])


def seed_paths(project: Path, tell: Callable[[str], None]) -> list[str]:
    """List the seed files, in order, as the ledger names them: `supabase/seed.sql`."""
    seed = _seed_section(project / "supabase" / "config.toml")
    if not seed.get("enabled", True):
        return []
    found: dict[str, None] = {}
    for pattern in seed.get("sql_paths", ["./seed.sql"]):
        whole = str(Path("supabase", pattern))
        matches = sorted(glob.glob(whole, root_dir=project, include_hidden=True), key=str.encode)
        if not matches and "sql_paths" in seed:
            tell(f"no seed file matches {whole}")
        for match in matches:
            inside = sorted((project / match).rglob("*.sql")) if (project / match).is_dir() else []
            names = [str(path.relative_to(project)) for path in inside] if inside else [match]
            found.update(dict.fromkeys(name for name in names if (project / name).is_file()))
    return list(found)


def _seed_section(config: Path) -> dict[str, Any]:
    if not config.exists():
        return {}
    try:
        seed = tomllib.loads(config.read_text(encoding="utf-8")).get("db", {}).get("seed", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidProject(f"{config}: {error}") from error
    paths = seed.get("sql_paths", [])
    if not isinstance(seed.get("enabled", True), bool) or not isinstance(paths, list):
        raise InvalidProject(
            f"{config}: [db.seed] takes enabled = true or false and sql_paths = [...]"
        )
    return dict(seed)
