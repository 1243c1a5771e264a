"""A running Postgres, and how to reach its databases."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import quote, urlencode

SUPERUSER = "supabase_admin"
HOST = "127.0.0.1"

Kind = Literal["embedded", "system", "docker", "url"]


@dataclass(frozen=True, slots=True)
class Server:
    """A running Postgres that we may connect to as `user`, a superuser unless kind is "url".

    `version` is `server_version_num`, as 170010. `parameters` are further libpq settings a user's
    own URL carried, such as sslmode; `database` is where to connect when no other is meant.
    """

    kind: Kind
    host: str
    port: int
    user: str
    password: str = field(repr=False)
    version: int
    parameters: tuple[tuple[str, str], ...] = ()
    database: str = "postgres"

    def url(self, database: str | None = None, user: str | None = None) -> str:
        """Return the libpq URL of `database`; postgres and authenticator share the password."""
        name = quote(user or self.user, safe="")
        secret = f":{quote(self.password, safe='')}" if self.password else ""
        parameters = dict(self.parameters)
        if self.host.startswith("/"):
            address, parameters["host"] = f":{self.port}", self.host
        else:
            host = f"[{self.host}]" if ":" in self.host else self.host
            address = f"{host}:{self.port}"
        query = f"?{urlencode(parameters)}" if parameters else ""
        path = quote(database or self.database, safe="")
        return f"postgresql://{name}{secret}@{address}/{path}{query}"
