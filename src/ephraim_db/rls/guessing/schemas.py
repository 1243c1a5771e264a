"""Which schemas the API exposes: what supabase/config.toml says, or public."""

from __future__ import annotations

import tomllib
from pathlib import Path

NO_TABLES = frozenset({"graphql_public", "storage", "graphql"})
"""Schemas that a config.toml lists and that hold no table of the project."""


def exposed_schemas(project: Path) -> tuple[str, ...]:
    """Return the schemas of [api] in the project's config.toml; public where it does not say."""
    try:
        text = (project / "supabase" / "config.toml").read_text(encoding="utf-8")
        schemas = tomllib.loads(text).get("api", {}).get("schemas", [])
        named = tuple(str(schema) for schema in schemas if schema not in NO_TABLES)
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError, AttributeError, TypeError):
        named = ()
    return named or ("public",)
