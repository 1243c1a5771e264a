"""Who probes: it must see every row and be able to become each persona, whom RLS must hold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import psycopg
from psycopg.sql import SQL, Identifier

from ephraim_db.errors import CannotProbe
from ephraim_db.rls.catalog import Relation
from ephraim_db.rls.filling.people import is_made
from ephraim_db.rls.personas import Personas

MAY_BYPASS = frozenset({"service_role"})
"""Roles that Supabase itself gives BYPASSRLS."""


def refuse_the_unprobeable(
    connection: psycopg.Connection[Any], personas: Personas, relations: Sequence[Relation]
) -> None:
    """Raise CannotProbe where a run could not have failed, or could not have seen."""
    me, sees_all = _one(
        connection,
        "select rolname, rolsuper or rolbypassrls from pg_catalog.pg_roles "
        "where rolname = current_user",
    )
    if not sees_all:
        raise CannotProbe(
            f'the connection is made as "{me}", which RLS holds: rows that are there would go '
            "unseen. Connect as postgres, or as another role with BYPASSRLS"
        )
    if not relations:
        raise CannotProbe(
            f"there is no table or view in schema {', '.join(personas.schemas)}: apply the "
            "migrations first, or name the exposed schemas in rls.toml"
        )
    found = {
        name: attributes
        for name, *attributes in connection.execute(
            "select r.rolname, r.rolsuper, r.rolbypassrls, ("
            "select c.oid::regclass::text from pg_catalog.pg_class as c "
            "where c.oid = any(%s) and c.relowner = r.oid and not c.relforcerowsecurity limit 1) "
            "from pg_catalog.pg_roles as r where r.rolname = any(%s)",
            ([relation.oid for relation in relations], [p.role for p in personas.everyone]),
        )
    }
    for persona in personas.everyone:
        if persona.role not in found:
            raise CannotProbe(
                f'persona {persona.name}: there is no role "{persona.role}" in this database. '
                "Create it, or correct the role in rls.toml"
            )
        superuser, bypasses, owned = found[persona.role]
        if superuser or (bypasses and persona.role not in MAY_BYPASS):
            attribute = "SUPERUSER" if superuser else "BYPASSRLS"
            raise CannotProbe(
                f'persona {persona.name}: role "{persona.role}" has {attribute}, so every policy '
                "would seem to allow everything. Name a role that RLS holds"
            )
        if owned:
            raise CannotProbe(
                f'persona {persona.name}: role "{persona.role}" owns {owned}, and policies do '
                "not hold an owner. Name a role that owns nothing"
            )
    _refuse_strangers(connection, personas)


def _refuse_strangers(connection: psycopg.Connection[Any], personas: Personas) -> None:
    """Refuse a sub that is no user: it would see nothing, and that would look safe."""
    has_users = _one(connection, "select to_regclass('auth.users') is not null")[0]
    if not has_users or not _one(connection, "select exists (select from auth.users)")[0]:
        return
    subs = [p.sub for p in personas.everyone if p.sub is not None and not is_made(p.sub)]
    (known,) = _one(
        connection,
        "select array(select id::text from auth.users where id::text = any(%s))",
        (subs,),
    )
    for persona in personas.everyone:
        if persona.sub in subs and persona.sub not in known:
            raise CannotProbe(
                f"persona {persona.name}: sub {persona.sub} is no user in auth.users, so it would "
                "seem to see nothing. Add the user, with that id, to the seed, or correct rls.toml"
            )


def become_able(connection: psycopg.Connection[Any], roles: Iterable[str]) -> None:
    """Make sure the prober may SET ROLE to each, joining the role for this transaction if need be.

    From Postgres 16 on, who creates a role administers it and may yet not become it.
    """
    for role in sorted(set(roles)):
        if _may_become(connection, role):
            continue
        try:
            with connection.transaction():
                connection.execute(SQL("grant {} to current_user").format(Identifier(role)))
        except psycopg.Error:
            joined = False
        else:
            joined = _may_become(connection, role)
        if not joined:
            me = _one(connection, "select current_user::text")[0]
            raise CannotProbe(
                f'"{me}" may not become "{role}". As an administrator: grant "{role}" to "{me}"'
            )


def _may_become(connection: psycopg.Connection[Any], role: str) -> bool:
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(SQL("set local role {}").format(Identifier(role)))
    except psycopg.errors.InsufficientPrivilege:
        return False
    return True


def _one(
    connection: psycopg.Connection[Any], sql: Any, parameters: tuple[Any, ...] = ()
) -> tuple[Any, ...]:
    row = connection.execute(sql, parameters).fetchone()
    return row if row is not None else (None,)
