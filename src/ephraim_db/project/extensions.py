"""The extensions a project's migrations speak of, against what this Postgres has."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import psycopg

from ephraim_db.errors import PostgresError
from ephraim_db.migrations import Migration
from ephraim_db.postgres import Platform, Server

_CREATE = re.compile(
    r'\s*create\s+extension\s+(?:if\s+not\s+exists\s+)?"?([a-z0-9_-]+)"?', re.IGNORECASE
)
# How preinstalled extensions show in SQL that does not create them.
_USES = {
    "supabase_vault": "vault.",
    "pg_net": "net.http",
    "pg_cron": "cron.",
    "pgmq": "pgmq.",
    "uuid-ossp": "uuid_generate_",
}


def check_extensions(
    server: Server,
    platform: Platform,
    migrations: Sequence[Migration],
    tell: Callable[[str], None],
) -> None:
    """Name what is pretended; raise `PostgresError` for what is not there and cannot be."""
    wanted = _wanted(migrations)
    with psycopg.connect(server.url(platform.database)) as connection:
        rows = connection.execute(
            "select name from pg_catalog.pg_available_extensions"
            " union select extname from pg_catalog.pg_extension"
        ).fetchall()
    impossible = wanted.keys() - {str(row[0]) for row in rows}
    if impossible:
        named = ", ".join(f"{name} ({wanted[name]})" for name in sorted(impossible))
        raise PostgresError(
            f"the migrations create extensions that this Postgres ({server.kind}, version "
            f"{server.version // 10000}) does not have and nobody can pretend: {named}. Choose a "
            "Postgres that has them: 'docker' with Supabase's image, 'system', or a URL."
        )
    spoken = "\n".join(migration.sql for migration in migrations)
    pretended = [
        name
        for name in platform.pretended
        if name != "uuid-ossp"  # whose stand-in does all that it does
        and (name in wanted or ((use := _USES.get(name)) and use in spoken))
    ]
    if pretended:
        tell(
            f"pretended, because this Postgres does not have them: {', '.join(pretended)}. "
            "Statements that use them pass; what they would do does not happen."
        )


def _wanted(migrations: Sequence[Migration]) -> dict[str, str]:
    """Return the extensions the migrations create, each with the first file that does."""
    wanted: dict[str, str] = {}
    for migration in migrations:
        for statement in migration.statements:
            if found := _CREATE.match(statement.text):
                wanted.setdefault(found[1].lower(), migration.path.name)
    return wanted
