"""Find a project's migration files and put them in the order in which the Supabase CLI runs them.

supabase/migrations/20260127000001_multi_org_foundation.sql
                    └── version ──┘└─────── name ─────────┘
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ephraim_db.errors import InvalidProject
from ephraim_db.migrations.statements import Statement, split_statements

_FILE_NAME = re.compile(r"([0-9]+)_(.*)\.sql")
_OLD_INIT = re.compile(r"([0-9]{14})_init\.sql")
_FIRST_KEPT_INIT = 20211209000000


@dataclass(frozen=True, slots=True)
class Migration:
    """One migration file, split into its statements."""

    version: str
    name: str
    path: Path
    sql: str = field(repr=False)
    statements: tuple[Statement, ...] = field(repr=False)

    @property
    def label(self) -> str:
        """The file's name, as progress and errors show it."""
        return self.path.name


def find_migrations(
    project: Path,
    *,
    keep_twins: bool = False,
    on_progress: Callable[[str], None] | None = None,
) -> list[Migration]:
    """Read `project`/supabase/migrations, ordered by version as text, as the CLI orders them.

    Files that the CLI would skip are skipped, and `on_progress` is told why. Raises
    `InvalidProject` if there is no supabase folder, two files share a version (unless `keep_twins`,
    which orders them by name), or one is not UTF-8.
    """
    supabase = project / "supabase"
    if not supabase.is_dir():
        raise InvalidProject(
            f"no supabase folder in {project.resolve()}: name the folder that holds it"
        )
    folder = supabase / "migrations"
    paths = (
        sorted(folder.iterdir(), key=lambda path: os.fsencode(path.name)) if folder.is_dir() else []
    )
    found: dict[str, Migration] = {}
    for position, path in enumerate(paths):
        if path.is_dir():
            continue
        match = _FILE_NAME.fullmatch(path.name)
        if reason := _why_skipped(path.name, match, first=position == 0):
            if on_progress:
                shown = path.name if path.name.isprintable() else repr(path.name)
                on_progress(f"skipping {shown}: {reason}")
            continue
        if not path.name.isprintable():
            raise InvalidProject(f"{folder}: the name {path.name!r} does not print: rename it")
        assert match is not None  # a file without has a reason to be skipped
        version, name = match.groups()
        if keep_twins:
            version = _apart(version, found, path, on_progress)
        if twin := found.get(version):
            raise InvalidProject(
                f"{twin.label} and {path.name} share the version {version}: rename one of them"
            )
        sql = read_sql(path)
        found[version] = Migration(version, name, path, sql, split_statements(sql))
    return sorted(found.values(), key=lambda migration: migration.version)


def _apart(
    version: str,
    found: dict[str, Migration],
    path: Path,
    on_progress: Callable[[str], None] | None,
) -> str:
    """Return a version that no other file has, right behind those that share it."""
    apart, number = version, 0
    while apart in found:
        number += 1
        apart = f"{version}.{number}"
    if number and on_progress:
        on_progress(f"{path.name} shares its version with {found[version].label}: applied after it")
    return apart


def read_sql(path: Path) -> str:
    """Read a file of SQL: UTF-8, with or without a byte order mark, line ends left as they are."""
    try:
        if path.exists() and not path.is_file():
            raise InvalidProject(f"{path} is no file: remove it, or put a file in its place")
        sql = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidProject(
            f"{path} is not UTF-8 (byte {error.start + 1}): save it as UTF-8"
        ) from None
    except OSError as error:
        raise InvalidProject(f"{path} cannot be read: {error.strerror}") from error
    if "\0" in sql:
        line = sql.count("\n", 0, sql.index("\0")) + 1
        raise InvalidProject(
            f"{path}:{line} holds a NUL byte, which is in no SQL: is it UTF-16? Save it as UTF-8"
        )
    return sql


def _why_skipped(name: str, match: re.Match[str] | None, *, first: bool) -> str | None:
    if first and (init := _OLD_INIT.search(name)) and int(init[1]) < _FIRST_KEPT_INIT:
        return "the CLI takes it for its own old init file; give it another name to apply it"
    if match is None:
        return "the name does not match <version>_<name>.sql"
    return None
