"""Convert sms_logs as a user does, and what is looked at before and afterwards."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import psycopg
from tests.supabase_cli import ROOT

from ephraim_db.migrations import apply_migrations, find_migrations
from ephraim_db.migrations.shipped import export_migrations

ACACIA = "a0000000-0000-4000-8000-000000000001"
ROLES = ("anon", "authenticated", "service_role", "ephraim_sender", "ephraim_rotator")
WRITE = b"""
insert into public.sms_logs (organization_id, to_phone, message_body, idempotency_key)
values (%s, '+61491570156', 'Hello', %s)
on conflict do nothing
returning id
"""
_GUARDS = {
    "grants": """
        select a.grantee::regrole::text, a.privilege_type, null
        from pg_class as c cross join aclexplode(c.relacl) as a
        where c.oid = 'public.sms_logs'::regclass
        union all
        select a.grantee::regrole::text, a.privilege_type, c.attname
        from pg_attribute as c cross join aclexplode(c.attacl) as a
        where c.attrelid = 'public.sms_logs'::regclass
    """,
    "policies": """
        select tablename, policyname, permissive, roles::text, cmd, qual, with_check,
            obj_description(p.oid, 'pg_policy')
        from pg_policies
        inner join pg_policy as p
            on p.polrelid = format('%I.%I', schemaname, tablename)::regclass
            and p.polname = policyname
        where schemaname = 'public'
    """,
    "constraints": """
        select conname, pg_get_constraintdef(oid) from pg_constraint
        where conrelid = 'public.sms_logs'::regclass and contype in ('f', 'c')
            and conname <> 'sms_logs_before_months'
    """,
    "triggers": """
        select tgname, pg_get_triggerdef(oid) from pg_trigger
        where tgrelid = 'public.sms_logs'::regclass and not tgisinternal
            and tgname not in ('sms_logs_claim_keys', 'sms_logs_keep_keys')
    """,
    "columns": """
        select attname, format_type(atttypid, atttypmod), attnotnull, attstattarget,
            pg_get_expr(d.adbin, d.adrelid), col_description(attrelid, attnum)
        from pg_attribute
        left join pg_attrdef as d on d.adrelid = attrelid and d.adnum = attnum
        where attrelid = 'public.sms_logs'::regclass and attnum > 0
    """,
    "table": """
        select relrowsecurity, relowner::regrole::text, obj_description(oid, 'pg_class')
        from pg_class where oid = 'public.sms_logs'::regclass
    """,
}


def guards_of(owner: psycopg.Connection) -> dict[str, set[tuple[Any, ...]]]:
    """What is granted, allowed, required and told of public.sms_logs."""
    return {name: set(owner.execute(sql.encode()).fetchall()) for name, sql in _GUARDS.items()}


def apply(url: str, folder: Path, *, upto: int = 3) -> None:
    """Export our migrations with the optional ones into `folder`, and apply the first of these."""
    project = folder / f"first_{upto}"
    (project / "supabase").mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "supabase" / "config.toml", project / "supabase")
    export_migrations(project, partitions=True)
    migrations = find_migrations(project)
    optional = len(list((ROOT / "supabase" / "optional").glob("*.sql")))
    with psycopg.connect(url, autocommit=True) as owner:
        apply_migrations(owner, migrations[: len(migrations) - optional + upto])


def months(owner: psycopg.Connection) -> list[str]:
    """Return the names of the partitions, oldest first."""
    rows = owner.execute(
        "select name::text from private.sms_log_months order by ends_at"
    ).fetchall()
    return [name for (name,) in rows]
