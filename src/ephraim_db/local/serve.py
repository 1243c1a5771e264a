"""PostgREST and the gateway over a database that exists already."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import psycopg

from ephraim_db.errors import InvalidProject, WrongPassword
from ephraim_db.local.background import HOST, listen, served
from ephraim_db.local.gateway import build_gateway
from ephraim_db.local.postgrest import run_postgrest
from ephraim_db.local.postgrest_binary import find_postgrest
from ephraim_db.local.tokens import access_token, api_key, new_jwt_secret
from ephraim_db.postgres import Server
from ephraim_db.project.config import ApiConfig


@dataclass(frozen=True, slots=True)
class LocalSupabase:
    """A running local Supabase: what `supabase status` shows of one, and its server."""

    api_url: str
    db_url: str = field(repr=False)
    anon_key: str = field(repr=False)
    service_role_key: str = field(repr=False)
    jwt_secret: str = field(repr=False)
    server: Server
    database: str

    def access_token(self, sub: str, *, role: str = "authenticated", **claims: object) -> str:
        """Return the token that Supabase Auth would issue to user `sub`, valid for an hour."""
        return access_token(self.jwt_secret, sub, role, claims)


def _silence(_: str) -> None:
    """Where nobody asked for progress."""


@contextmanager
def serve_database(
    server: Server,
    database: str,
    *,
    port: int | None = None,
    config: ApiConfig | None = None,
    project: Path | None = None,
    on_progress: Callable[[str], None] = _silence,
) -> Iterator[LocalSupabase]:
    """Serve `database` on the loopback `port`, or on a free one, with keys of its own.

    PostgREST logs in as `authenticator`. Schemas that the configuration exposes and the database
    lacks are left out, and told; with none left, `InvalidProject`.
    """
    program = find_postgrest(project, on_progress)
    config = _without_missing_schemas(config or ApiConfig(), server.url(database), on_progress)
    jwt_secret = new_jwt_secret()
    anon_key, service_role_key = (api_key(jwt_secret, role) for role in ("anon", "service_role"))
    if server.kind == "url":
        _check_authenticator(server, database)
    listener = listen(port)
    api_url = f"http://{HOST}:{listener.getsockname()[1]}"
    with (
        listener,
        run_postgrest(
            program,
            server.url(database, "authenticator"),
            jwt_secret,
            config,
            f"{api_url}/rest/v1",
        ) as address,
        served(build_gateway(address, (anon_key, service_role_key)), listener),
    ):
        yield LocalSupabase(
            api_url=api_url,
            db_url=server.url(database, None if server.kind == "url" else "postgres"),
            anon_key=anon_key,
            service_role_key=service_role_key,
            jwt_secret=jwt_secret,
            server=server,
            database=database,
        )


def _check_authenticator(server: Server, database: str) -> None:
    """Fail with a reason before PostgREST fails with none: the password may not be shared."""
    try:
        psycopg.connect(server.url(database, "authenticator")).close()
    except psycopg.OperationalError:
        raise WrongPassword(
            "the role authenticator, as which PostgREST logs in, is refused with the password of "
            "the URL. A local Supabase gives both roles one password; for another database: "
            "alter role authenticator password '...'"
        ) from None


def _without_missing_schemas(
    config: ApiConfig, database_url: str, tell: Callable[[str], None]
) -> ApiConfig:
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            "select nspname from pg_catalog.pg_namespace where nspname = any (%s)",
            [list(config.schemas)],
        ).fetchall()
    there = {str(row[0]) for row in rows}
    missing = [schema for schema in config.schemas if schema not in there]
    if missing:
        tell(f"not exposed, because the database has no such schema: {', '.join(missing)}")
    if not there:
        raise InvalidProject(
            f"none of the schemas to expose exists: {', '.join(config.schemas)}. Correct `schemas` "
            "in section [api] of supabase/config.toml."
        )
    return replace(config, schemas=tuple(s for s in config.schemas if s in there))
