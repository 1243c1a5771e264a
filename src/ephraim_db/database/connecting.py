"""How a service connects, and whether its login is ephraim_sender already or has to become it."""

from __future__ import annotations

from typing import Any, Final

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import dict_row

from ephraim_db.errors import InvalidInput, NotTheSender, SupabaseError
from ephraim_db.steps import Row

PATIENCE: Final = 10.0  # seconds: to connect, and to wait for a connection of the pool
BECOME: Final = "set local role ephraim_sender"
LOGIN: Final = """
select
    r.rolname::text as login,
    pg_has_role('ephraim_sender', 'member') as may_become,
    pg_has_role('ephraim_sender', 'usage') and not (r.rolsuper or r.rolbypassrls) as is_already
from pg_roles as r
where r.rolname = current_user
"""


def settings(url: str) -> dict[str, Any]:
    """Return the arguments of psycopg's `connect`; `InvalidInput` if it is no libpq URL."""
    try:
        found = conninfo_to_dict(url, connect_timeout=int(PATIENCE))
        for host in str(found.get("host") or "").split(","):
            _ = host if host.startswith("/") else host.encode("idna")
    except (psycopg.Error, UnicodeError):
        found = None  # its message can repeat the password
    if found is None:
        raise InvalidInput("database URL", "is not a libpq URL: postgresql://login:...@host/name")
    return {**found, "autocommit": True, "prepare_threshold": None, "row_factory": dict_row}


def must_become(logins: list[Row]) -> bool | SupabaseError:
    """Return whether the login has to become ephraim_sender; the error, if it may not."""
    login = logins[0]
    return NotTheSender(login["login"]) if not login["may_become"] else not login["is_already"]
