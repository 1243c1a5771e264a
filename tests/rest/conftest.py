"""Personas of supabase/rls.toml as supabase-py clients over real PostgREST."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx
import psycopg
import pytest
import supabase
from tests.conftest import PROJECT

from ephraim_db.local import LocalSupabase, serve_database
from ephraim_db.postgres import Server, clone_database, drop_database
from ephraim_db.sealing import PrivateKey

PERSONAS: dict[str, dict[str, Any]] = tomllib.loads(
    (PROJECT / "supabase" / "rls.toml").read_text(encoding="utf-8")
)["personas"]
SIGNED_IN = [name for name, persona in PERSONAS.items() if persona["role"] == "authenticated"]
API_PERSONAS = [*SIGNED_IN, "anonymous", "service_role"]

SignIn = Callable[[str], supabase.Client]


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


@pytest.fixture
def api(local: LocalSupabase) -> Iterator[Api]:
    """Over a database of this test alone."""
    with httpx.Client() as pool:
        yield Api(local, pool)


@pytest.fixture(scope="module")
def shared_api(server: Server, project_template: str, request: Any) -> Iterator[Api]:
    """Over a database that the tests of a module share and do not change."""
    name = "shared_" + request.module.__name__.rpartition(".")[2]
    clone_database(server, project_template, name)
    with serve_database(server, name, project=PROJECT) as local, httpx.Client() as pool:
        yield Api(local, pool)
    drop_database(server, name)


def publish(api: Api) -> PrivateKey:
    """Make a key active in the directory, and return its private half."""
    key = PrivateKey.generate()
    with api.as_owner() as connection:
        connection.execute("update sealing_keys set status = 'retired' where status = 'active'")
        connection.execute(
            "insert into sealing_keys (kid, x, status) values (%s, %s, 'active')",
            (key.public().kid, key.public().x),
        )
    return key


@pytest.fixture
def private_key(api: Api) -> PrivateKey:
    """The private half of the key that is active in `api`."""
    return publish(api)
