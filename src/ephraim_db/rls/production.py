"""Recognize a database that people depend on, before anything is tried there."""

from __future__ import annotations

import ipaddress
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from ephraim_db.errors import LooksLikeProduction

RECENT_USERS = 25
"""So many users who signed in within 30 days are no seed."""
_LOCAL = (".local", ".localhost", ".internal", ".test", ".lan", ".docker")
_SUPABASE = (".supabase.co", ".supabase.com", ".supabase.net")


def refuse_distant(conninfo: str) -> None:
    """Raise LooksLikeProduction, before anything connects, if one of its hosts is not nearby."""
    try:
        hosts = conninfo_to_dict(conninfo).get("host")
    except psycopg.ProgrammingError:
        return  # connecting says what is wrong with it
    for host in str(hosts or "").split(","):
        _refuse_host(host)


def refuse_production(connection: psycopg.Connection[Any]) -> None:
    """Raise LooksLikeProduction, saying why, if the database is hosted or people use it."""
    _refuse_host(connection.info.host)
    has_column = connection.execute(
        "select from pg_catalog.pg_attribute "
        "where attrelid = to_regclass('auth.users') and attname = 'last_sign_in_at'"
    ).fetchone()
    if has_column is None:
        return
    row = connection.execute(
        "select count(*) from auth.users where last_sign_in_at > now() - interval '30 days'"
    ).fetchone()
    if row and row[0] >= RECENT_USERS:
        raise LooksLikeProduction(f"{row[0]} users signed in there within the last 30 days")


def _refuse_host(host: str) -> None:
    if host.endswith(_SUPABASE):
        raise LooksLikeProduction(f"{host} is hosted by Supabase")
    if not _is_near(host):
        raise LooksLikeProduction(f"{host} is not on this machine or its network")


def _is_near(host: str) -> bool:
    """Return whether a host is a socket, a private address or a name without a public domain."""
    if not host or host.startswith(("/", "@")):
        return True
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return "." not in host or host.endswith(_LOCAL)
    return address.is_private or address.is_loopback or address.is_link_local
