"""Personas of supabase/rls.toml as supabase-py clients over real PostgREST."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx
import psycopg
import pytest
import supabase
from tests.conftest import PROJECT

from ephraim_db.cli.throwaway import publish_throwaway_key
from ephraim_db.local import LocalSupabase, serve_database
from ephraim_db.postgres import Server, clone_database, drop_database
from ephraim_db.project import read_api_config
from ephraim_db.sealing import PrivateKey

PERSONAS: dict[str, dict[str, Any]] = tomllib.loads(
    (PROJECT / "supabase" / "rls.toml").read_text(encoding="utf-8")
)["personas"]
SIGNED_IN = [name for name, persona in PERSONAS.items() if persona["role"] == "authenticated"]
API_PERSONAS = [*SIGNED_IN, "anonymous", "service_role"]


def sub_of(persona: str) -> UUID:
    return UUID(PERSONAS[persona]["sub"])


def organization_of(persona: str) -> UUID:
    return UUID(PERSONAS[persona]["organization"])


@dataclass(frozen=True)
class Api:
    """A local Supabase, and its personas signed in over one connection pool."""

    local: LocalSupabase
    pool: httpx.Client
    clients: dict[str, supabase.Client] = field(default_factory=dict)

    def key(self, persona: str) -> str:
        return self.local.service_role_key if persona == "service_role" else self.local.anon_key

    def token(self, persona: str) -> str:
        if persona in SIGNED_IN:
            return self.local.access_token(str(sub_of(persona)))
        return self.key(persona)

    def __call__(self, persona: str) -> supabase.Client:
        """Sign `persona` in, as an application does that holds the user's access token."""
        if persona not in self.clients:
            headers = {"Authorization": f"Bearer {self.token(persona)}"}
            options = supabase.ClientOptions(httpx_client=self.pool, headers=headers)
            url, key = self.local.api_url, self.key(persona)
            self.clients[persona] = supabase.create_client(url, key, options)
        return self.clients[persona]

    def request(self, persona: str, method: str, path: str, **arguments: Any) -> httpx.Response:
        """Send a request that supabase-py has no method for."""
        headers = {
            "apikey": self.key(persona),
            "Authorization": f"Bearer {self.token(persona)}",
            **arguments.pop("headers", {}),
        }
        url = f"{self.local.api_url}/rest/v1/{path}"
        return self.pool.request(method, url, headers=headers, **arguments)

    def as_owner(self) -> psycopg.Connection[dict[str, Any]]:
        """Connect past RLS, to see what is stored."""
        return psycopg.connect(
            self.local.server.url(self.local.database),
            autocommit=True,
            row_factory=psycopg.rows.dict_row,
        )


TABLES = (
    "organizations",
    "profiles",
    "workers",
    "participants",
    "shifts",
    "sms_logs",
    "sms_log_events",
    "sealing_keys",
    "credential_events",
    "credential_tests",
    "xero_connections",
    "xero_authorizations",
    "xero_leftovers",
)


@pytest.fixture
def fresh_api(local: LocalSupabase) -> Iterator[Api]:
    """Over a database of this test alone, for tests that change the schema."""
    with httpx.Client() as pool:
        yield Api(local, pool)


@contextmanager
def served_clone(server: Server, template: str, name: str) -> Iterator[Api]:
    """The API over a copy of the template."""
    clone_database(server, template, name)
    config = read_api_config(PROJECT)
    with (
        serve_database(server, name, config=config, project=PROJECT) as local,
        httpx.Client() as pool,
    ):
        yield Api(local, pool)
    drop_database(server, name)


@pytest.fixture(scope="module")
def shared_api(server: Server, project_template: str, request: Any) -> Iterator[Api]:
    """Over a database that the tests of a module share."""
    name = "shared_" + request.module.__name__.rpartition(".")[2]
    with served_clone(server, project_template, name) as api:
        yield api


@pytest.fixture(scope="module")
def seeded(shared_api: Api) -> Iterator[Callable[[], None]]:
    """A function that gives every table the rows it was seeded with, past RLS and triggers."""
    with shared_api.as_owner() as owner:
        columns = {
            row["table"]: row["columns"]
            for row in owner.execute(
                "select attrelid::regclass::text as table, "
                "string_agg(quote_ident(attname), ', ' order by attnum) as columns "
                "from pg_attribute where attrelid = any (%s::text[]::regclass[]) "
                "and attnum > 0 and not attisdropped and attgenerated = '' group by attrelid",
                [list(TABLES)],
            )
        }
        for table in columns:
            owner.execute(f"create temporary table seeded_{table} as table {table}")
        again = "".join(
            f"delete from {table}; "
            f"insert into {table} ({names}) overriding system value "
            f"select {names} from seeded_{table}; "
            for table, names in columns.items()
        )
        yield lambda: owner.execute(
            f"begin; set local session_replication_role = replica; {again} commit"
        ).close()


@pytest.fixture
def api(shared_api: Api, seeded: Callable[[], None]) -> Iterator[Api]:
    """Over the module's database, seeded again afterwards."""
    yield Api(shared_api.local, shared_api.pool)
    shared_api.pool.event_hooks = {}
    seeded()


def publish(api: Api) -> PrivateKey:
    """Make a key active in the directory, and return its private half."""
    return publish_throwaway_key(api.local)


@pytest.fixture
def private_key(api: Api) -> PrivateKey:
    """The private half of the key that is active in `api`."""
    return publish(api)


@contextmanager
def recorded(api: Api) -> Iterator[list[httpx.Request]]:
    """Collect the requests that pass through the pool."""
    requests: list[httpx.Request] = []
    before = api.pool.event_hooks
    api.pool.event_hooks = {**before, "request": [*before["request"], requests.append]}
    yield requests
    api.pool.event_hooks = before
