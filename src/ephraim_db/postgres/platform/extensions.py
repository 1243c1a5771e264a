"""The extensions a project finds: real where this Postgres has them, otherwise pretended.

available and loads? --yes--> create extension
                     --no---> stand_ins/<name>.sql, if there is one --> a row in pg_extension
"""

from __future__ import annotations

from importlib.resources import files

import psycopg
from psycopg import sql

from ephraim_db.errors import PostgresError

# Supabase has these installed, or lets postgres, which is no superuser, install them.
_REAL = (
    *("pgcrypto", "pg_stat_statements", "uuid-ossp", "moddatetime", "autoinc", "insert_username"),
    *("refint", "dblink", "postgres_fdw", "pgrowlocks", "pgstattuple", "pg_prewarm", "vector"),
    *("supabase_vault", "pg_net", "pg_cron", "pgmq", "pg_graphql"),
)

# Pretended where they are not: name -> schema, version.
_PRETENDED = {
    "uuid-ossp": ("extensions", "1.1"),
    "pg_stat_statements": ("extensions", "1.11"),
    "vector": ("extensions", "0.8.0"),
    "supabase_vault": ("vault", "0.3.1"),
    "pg_net": ("extensions", "0.19.5"),
    "pg_cron": ("pg_catalog", "1.6.4"),
    "pgmq": ("pgmq", "1.5.1"),
    "pg_graphql": ("graphql", "1.5.11"),
    "http": ("extensions", "1.6"),
    "pgjwt": ("extensions", "0.2.0"),
    "pgsodium": ("extensions", "3.1.8"),
    "pgaudit": ("extensions", "17.0"),
    "pg_jsonschema": ("extensions", "0.3.3"),
    "pg_hashids": ("extensions", "1.2.1"),
    "pg_repack": ("extensions", "1.5.2"),
    "pg_tle": ("extensions", "1.4.0"),
    "hypopg": ("extensions", "1.4.1"),
    "index_advisor": ("extensions", "0.2.0"),
    "plpgsql_check": ("extensions", "2.7"),
    "wrappers": ("extensions", "0.5.3"),
}
# A fresh Supabase project has these, so `create extension` without `if not exists` fails there too.
_PREINSTALLED = ("plpgsql", "pgcrypto", "pg_stat_statements", "uuid-ossp", "supabase_vault")

MADE_READY = "installed ahead, because role postgres could not"
"""The comment on an extension that a project finds here, and would have to create on Supabase."""

_OWN_SCHEMA = {"supabase_vault": "vault", "pgmq": None, "pg_net": None, "pg_cron": None}


def install_extensions(connection: psycopg.Connection) -> tuple[str, ...]:
    """Install or pretend, inside the caller's transaction; return the names pretended.

    Raises `PostgresError` without pgcrypto, which real projects and our stand-ins build on.
    """
    rows = connection.execute("select name from pg_catalog.pg_available_extensions").fetchall()
    available = {str(row[0]) for row in rows}
    real = {name for name in _REAL if name in available and _create(connection, name)}
    if "pgcrypto" not in real:
        raise PostgresError(
            "this Postgres lacks the extension pgcrypto. Install its contrib package (Fedora: "
            "postgresql-contrib), or choose 'embedded'."
        )
    pretended = tuple(sorted(_PRETENDED.keys() - real - (available - set(_REAL))))
    for name in pretended:
        stand_in = files(__package__).joinpath("stand_ins", f"{name}.sql")
        if stand_in.is_file():
            connection.execute(stand_in.read_bytes())
        connection.execute(
            "select extensions.pretend_extension(%s, %s, %s)", [name, *_PRETENDED[name]]
        )
    for name in (real | set(pretended)) - set(_PREINSTALLED):
        connection.execute(
            sql.SQL("comment on extension {} is {}").format(sql.Identifier(name), MADE_READY)
        )
    # On Supabase postgres may drop what it finds installed, and `supabase db reset` does.
    connection.execute(
        "update pg_catalog.pg_extension set extowner = 'postgres'::regrole"
        " where extname <> 'plpgsql'"
    )
    connection.execute(
        "grant all on all tables in schema extensions to postgres with grant option;"
        "grant all on all routines in schema extensions to postgres with grant option"
    )
    return pretended


def _create(connection: psycopg.Connection, name: str) -> bool:
    """Create the extension; False if it does not load here, as some do only when preloaded."""
    schema = _OWN_SCHEMA.get(name, "extensions")
    where = sql.SQL(" schema {}").format(sql.Identifier(schema)) if schema else sql.SQL("")
    try:
        with connection.transaction():
            connection.execute(
                sql.SQL("create extension {}{} cascade").format(sql.Identifier(name), where)
            )
    except psycopg.Error:
        return False
    return True
