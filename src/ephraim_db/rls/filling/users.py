"""The users who are made for the run: rows of auth.users, as signing up would have made them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import psycopg
from psycopg.sql import Literal

from ephraim_db.rls.catalog import Relation, quote
from ephraim_db.rls.filling.people import Person


def new_users(table: Relation, person: Person) -> Iterator[str]:
    """Yield INSERTs of a user, one to be tried after the other: triggers often want something."""
    name = f"made-{person.number}"
    meta = {
        **{"name": name, "full_name": name, "display_name": name, "username": name},
        **{"first_name": "Made", "last_name": str(person.number), "avatar_url": ""},
    }
    for metadata in (meta, {}):
        values = {
            "id": person.persona.sub,
            "instance_id": "00000000-0000-0000-0000-000000000000",
            "aud": "authenticated",
            "role": "authenticated",
            "email": f"{name}@example.test",
            "raw_app_meta_data": '{"provider": "email", "providers": ["email"]}',
            "raw_user_meta_data": json.dumps(metadata),
            "is_anonymous": bool(person.persona.claims.get("is_anonymous")),
            "email_confirmed_at": "2026-01-01",
            "created_at": "2026-01-01",
            "updated_at": "2026-01-01",
        }
        told = {k: v for k, v in values.items() if k in table.column_names}
        columns = ", ".join(map(quote, told))
        row = ", ".join(Literal(value).as_string(None) for value in told.values())
        yield f"insert into {table.sql} ({columns}) values ({row})"


def without_triggers(connection: psycopg.Connection[Any], table: Relation, sql: str) -> str:
    """Return `sql` between statements that make trigger functions do nothing, and do it again.

    The table is the platform's, so its triggers cannot be switched off; the functions are ours.
    """
    functions = connection.execute(
        "select distinct p.oid::regprocedure::text, pg_catalog.pg_get_functiondef(p.oid) "
        "from pg_catalog.pg_trigger as t "
        "inner join pg_catalog.pg_proc as p on t.tgfoid = p.oid "
        "where t.tgrelid = %s and not t.tgisinternal and t.tgenabled <> 'D' "
        "and pg_catalog.pg_has_role(p.proowner, 'usage') order by 1",
        (table.oid,),
    ).fetchall()
    silent = "returns trigger language plpgsql as 'begin return new; end'"
    off = "".join(f"create or replace function {name} {silent};" for name, _ in functions)
    on = "".join(f";{definition}" for _, definition in functions)
    return f"{off}{sql}{on}"
