"""What supabase/config.toml says about the API."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from ephraim_db.errors import InvalidProject
from ephraim_db.postgres import DefaultGrants


@dataclass(frozen=True, slots=True)
class ApiConfig:
    """The `[api]` section, with Supabase's defaults."""

    schemas: tuple[str, ...] = ("public", "graphql_public")
    extra_search_path: tuple[str, ...] = ("public", "extensions")
    max_rows: int = 1000
    default_grants: DefaultGrants = "legacy"


def read_api_config(project: Path | None) -> ApiConfig:
    """Read `project`/supabase/config.toml; without a project or a file, the defaults."""
    file = project / "supabase" / "config.toml" if project else None
    if file is None or not file.exists():
        return ApiConfig()
    default = ApiConfig()
    try:
        api = tomllib.loads(file.read_text("utf-8")).get("api", {})
        return ApiConfig(
            schemas=tuple(api.get("schemas", default.schemas)),
            extra_search_path=tuple(api.get("extra_search_path", default.extra_search_path)),
            max_rows=int(api.get("max_rows", default.max_rows)),
            default_grants="legacy" if api.get("auto_expose_new_tables", True) else "explicit",
        )
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, TypeError, ValueError) as error:
        raise InvalidProject(f"{file}, section [api]: {error}") from error
