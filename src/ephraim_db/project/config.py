"""What supabase/config.toml says about the API and the database."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ephraim_db.errors import InvalidProject
from ephraim_db.postgres import DefaultGrants
from ephraim_db.toml import read_toml

USUAL_MAJOR = 17
"""The version of Postgres that new projects get, and that the Supabase CLI takes if not told."""


@dataclass(frozen=True, slots=True)
class ApiConfig:
    """The `[api]` section, with Supabase's defaults."""

    schemas: tuple[str, ...] = ("public", "graphql_public")
    extra_search_path: tuple[str, ...] = ("public", "extensions")
    max_rows: int = 1000
    default_grants: DefaultGrants = "legacy"


def read_api_config(project: Path | None) -> ApiConfig:
    """Read `project`/supabase/config.toml; without a project or a file, the defaults.

    Raises InvalidProject naming the file, the key and what to write there.
    """
    if project is None:
        return ApiConfig()
    file, default = project / "supabase" / "config.toml", ApiConfig()
    try:
        api = read_toml(file).get("api", {})
        if not isinstance(api, dict):
            raise ValueError("api is not a table: write [api]")
        rows = api.get("max_rows", default.max_rows)
        if not isinstance(rows, int) or isinstance(rows, bool) or not 0 < rows < 2**31:
            raise ValueError("api.max_rows takes a number of rows: max_rows = 1000")
        exposed = api.get("auto_expose_new_tables", True)
        if not isinstance(exposed, bool):
            raise ValueError("api.auto_expose_new_tables takes true or false")
        return ApiConfig(
            schemas=_schemas(api, "schemas", default.schemas),
            extra_search_path=_schemas(api, "extra_search_path", default.extra_search_path),
            max_rows=rows,
            default_grants="legacy" if exposed else "explicit",
        )
    except FileNotFoundError:
        return default
    except ValueError as error:
        raise InvalidProject(f"{file}: {error}") from error


def read_major_version(project: Path | None) -> int | None:
    """Return `[db] major_version` of `project`/supabase/config.toml, else what the CLI takes.

    None without a project: any will do. Raises InvalidProject naming the file and what to write.
    """
    if project is None:
        return None
    file = project / "supabase" / "config.toml"
    try:
        db = read_toml(file).get("db", {})
        if not isinstance(db, dict):
            raise ValueError("db is not a table: write [db]")
        major = db.get("major_version", USUAL_MAJOR)
        if not isinstance(major, int) or isinstance(major, bool):
            raise ValueError("db.major_version takes a number: major_version = 17")
        return major
    except FileNotFoundError:
        return USUAL_MAJOR
    except ValueError as error:
        raise InvalidProject(f"{file}: {error}") from error


def _schemas(api: dict[str, Any], key: str, otherwise: tuple[str, ...]) -> tuple[str, ...]:
    names = api.get(key, list(otherwise))
    if not isinstance(names, list) or not all(isinstance(n, str) and n for n in names):
        raise ValueError(f'api.{key} takes a list of schemas: {key} = ["public"]')
    return tuple(names)
