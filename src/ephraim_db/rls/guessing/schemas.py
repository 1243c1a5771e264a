"""Which schemas the API exposes: what supabase/config.toml says, or public."""

from __future__ import annotations

from pathlib import Path

from ephraim_db.toml import read_toml

NO_TABLES = frozenset({"graphql_public", "storage", "graphql"})
"""Schemas that a config.toml lists and that hold no table of the project."""


def exposed_schemas(project: Path) -> tuple[str, ...]:
    """Return the schemas of [api] in the project's config.toml; public where it does not say."""
    try:
        schemas = read_toml(project / "supabase" / "config.toml").get("api", {}).get("schemas", [])
        named = tuple(str(schema) for schema in schemas if schema not in NO_TABLES)
    except (OSError, ValueError, AttributeError, TypeError):
        named = ()
    return named or ("public",)
