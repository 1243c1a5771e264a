"""What a database's catalog says, as sorted sentences without oids, to compare two databases."""

from __future__ import annotations

from typing import Any

import psycopg

_GRANTS = """
    (
        select coalesce(string_agg(format('%s=%s%s by %s',
            coalesce(nullif(a.grantee, 0)::regrole::text, 'public'), a.privilege_type,
            case when a.is_grantable then '*' else '' end, a.grantor::regrole), ', '
            order by a.grantee::regrole::text, a.privilege_type), 'default')
        from aclexplode({acl}) as a
    )
"""

_OURS = "nspname !~ '^pg_' and nspname <> 'information_schema'"

_QUERY = f"""
with schemas as (select * from pg_namespace where {_OURS}),
relations as (
    select c.*, format('%I.%I', s.nspname, c.relname) as full_name
    from pg_class as c join schemas as s on s.oid = c.relnamespace
),
functions as (
    select p.*, p.oid::regprocedure::text as full_name
    from pg_proc as p join schemas as s on s.oid = p.pronamespace
)
select 'schema', nspname, concat_ws(' | ', nspowner::regrole, {_GRANTS.format(acl="nspacl")})
from schemas
union all
select 'relation', full_name, concat_ws(' | ', relkind, relowner::regrole, relrowsecurity,
    relforcerowsecurity, reloptions, relreplident, {_GRANTS.format(acl="relacl")},
    case when relkind in ('v', 'm') then pg_get_viewdef(oid) end)
from relations
union all
select 'column', r.full_name || '.' || a.attname, concat_ws(' | ',
    rank() over (partition by r.oid order by a.attnum), format_type(a.atttypid, a.atttypmod),
    a.attnotnull, a.attidentity, a.attgenerated, a.attcollation::regcollation,
    pg_get_expr(d.adbin, d.adrelid), {_GRANTS.format(acl="a.attacl")})
from relations as r
join pg_attribute as a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
left join pg_attrdef as d on d.adrelid = r.oid and d.adnum = a.attnum
union all
select 'constraint', conrelid::regclass || ' ' || conname,
    concat_ws(' | ', pg_get_constraintdef(oid), condeferrable, condeferred, convalidated)
from pg_constraint where connamespace in (select oid from schemas) and conrelid <> 0
union all
select 'index', r.full_name, pg_get_indexdef(r.oid) from relations as r where r.relkind = 'i'
union all
select 'policy', format('%s on %I.%I', policyname, schemaname, tablename),
    concat_ws(' | ', permissive, roles, cmd, qual, with_check)
from pg_policies
union all
select 'function', full_name, concat_ws(' | ', proowner::regrole, pg_get_functiondef(oid),
    {_GRANTS.format(acl="proacl")})
from functions where prokind in ('f', 'p')
union all
select 'trigger', tgrelid::regclass || ' ' || tgname,
    concat_ws(' | ', pg_get_triggerdef(oid), tgenabled)
from pg_trigger where not tgisinternal
union all
select 'type', t.oid::regtype::text, concat_ws(' | ', t.typtype, t.typowner::regrole,
    (select string_agg(e.enumlabel, ', ' order by e.enumsortorder)
    from pg_enum as e where e.enumtypid = t.oid), {_GRANTS.format(acl="t.typacl")})
from pg_type as t join schemas as s on s.oid = t.typnamespace
union all
select 'comment', pg_describe_object(classoid, objoid, objsubid), description
from pg_description
where objoid >= 16384
union all
select 'default privileges', concat_ws(' ', defaclrole::regrole,
    nullif(defaclnamespace, 0)::regnamespace, defaclobjtype), {_GRANTS.format(acl="defaclacl")}
from pg_default_acl
union all
select 'extension', extname, extversion from pg_extension
union all
select 'publication', pubname, concat_ws(' | ', schemaname, tablename, attnames)
from pg_publication_tables
"""

# (object, role, privilege) for everything in the schemas our migrations write to.
_EFFECTIVE = """
with roles as (
    select rolname from pg_roles
    where rolname in ('anon', 'authenticated', 'service_role', 'ephraim_sender')
),
relations as (
    select c.oid, c.oid::regclass::text as name, c.relkind from pg_class as c
    where c.relnamespace in ('public'::regnamespace, 'private'::regnamespace)
)
select r.name, roles.rolname::text, p.privilege
from relations as r, roles,
    unnest(array['select', 'insert', 'update', 'delete', 'truncate', 'references', 'trigger'])
    as p (privilege)
where r.relkind in ('r', 'p', 'v', 'm', 'f') and has_table_privilege(rolname, r.oid, p.privilege)
union all
select r.name || '.' || a.attname, roles.rolname::text, p.privilege
from relations as r
join pg_attribute as a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped, roles,
    unnest(array['select', 'insert', 'update', 'references']) as p (privilege)
where r.relkind in ('r', 'p', 'v', 'm', 'f')
    and has_column_privilege(rolname, r.oid, a.attnum, p.privilege)
union all
select r.name, roles.rolname::text, p.privilege
from relations as r, roles, unnest(array['usage', 'select', 'update']) as p (privilege)
where r.relkind = 'S' and has_sequence_privilege(rolname, r.oid, p.privilege)
union all
select f.oid::regprocedure::text, roles.rolname::text, 'execute'
from pg_proc as f, roles
where f.pronamespace in ('public'::regnamespace, 'private'::regnamespace)
    and has_function_privilege(rolname, f.oid, 'execute')
union all
select s.nspname::text, roles.rolname::text, p.privilege
from pg_namespace as s, roles, unnest(array['usage', 'create']) as p (privilege)
where s.nspname in ('public', 'private') and has_schema_privilege(rolname, s.oid, p.privilege)
"""


def catalog(url: str) -> list[str]:
    """Everything that migrations can make, one line each: kind, name, definition."""
    with psycopg.connect(url) as connection:
        rows = connection.execute(_QUERY.encode()).fetchall()
    return sorted(f"{kind} {name}: {definition}" for kind, name, definition in rows)


def effective_privileges(url: str) -> set[tuple[str, str, str]]:
    """What each API role can do to each object of ours, by whatever way it was granted."""
    with psycopg.connect(url) as connection:
        rows = connection.execute(_EFFECTIVE.encode()).fetchall()
    return {(name, role, privilege) for name, role, privilege in rows}


# Whether by the table or by a column of it.
_API_GRANTS = """
with roles as (
    select oid, rolname::text as name from pg_roles
    where rolname in ('anon', 'authenticated', 'service_role', 'ephraim_sender', 'ephraim_rotator')
),
relations as (select oid, relname::text as name, relkind from pg_class
    where relnamespace in ('public'::regnamespace, 'private'::regnamespace))
select c.name, r.name, p.privilege
from relations as c, roles as r,
    unnest(array['select', 'insert', 'update', 'delete', 'truncate', 'references', 'trigger'])
    as p (privilege)
where c.relkind in ('r', 'p', 'v', 'm', 'f') and (
    has_table_privilege(r.oid, c.oid, p.privilege)
    or (p.privilege not in ('delete', 'truncate', 'trigger')
        and has_any_column_privilege(r.oid, c.oid, p.privilege)))
union all
select c.name, r.name, p.privilege
from relations as c, roles as r, unnest(array['usage', 'select', 'update']) as p (privilege)
where c.relkind = 'S' and has_sequence_privilege(r.oid, c.oid, p.privilege)
union all
select replace(format('%s.%s(%s)', f.pronamespace::regnamespace, f.proname,
    array_to_string(array(select format_type(a.type, null)
        from unnest(f.proargtypes::oid[]) with ordinality as a (type, n) order by a.n), ',')),
    'timestamp with time zone', 'timestamptz'), r.name, 'execute'
from pg_proc as f, roles as r
where f.pronamespace in ('public'::regnamespace, 'private'::regnamespace)
    and has_function_privilege(r.oid, f.oid, 'execute')
    and not exists (select from pg_depend as d where d.objid = f.oid and d.deptype = 'e')
union all
select 'schema:private', r.name, p.privilege
from roles as r, unnest(array['usage', 'create']) as p (privilege)
where has_schema_privilege(r.oid, 'private', p.privilege)
"""


def api_grants(connection: psycopg.Connection[Any]) -> set[tuple[str, str, str]]:
    """(object, role, privilege) for each relation, sequence and function of ours."""
    return set(connection.execute(_API_GRANTS.encode()).fetchall())
