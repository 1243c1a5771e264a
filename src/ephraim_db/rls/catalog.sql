-- Every relation of the user's schemas with its columns and keys: one row each.
with
relations as (
    select
        c.oid,
        c.relkind,
        c.relname,
        c.relrowsecurity,
        n.nspname,
        pg_catalog.pg_relation_is_updatable(c.oid, true) as updatable
    from pg_catalog.pg_class as c
    inner join pg_catalog.pg_namespace as n on c.relnamespace = n.oid
    where
        c.relkind in ('r', 'p', 'v', 'm', 'f')
        and n.nspname <> 'information_schema'
        and n.nspname !~ '^pg_'
),

columns as (
    select
        a.attrelid,
        jsonb_agg(
            jsonb_build_object(
                'name', a.attname,
                'type', pg_catalog.format_type(a.atttypid, a.atttypmod),
                'required', a.attnotnull,
                'has_default', a.atthasdef or a.attidentity <> '',
                'written', (
                    a.attgenerated = ''
                    and a.attidentity <> 'a'
                    and pg_catalog.pg_column_is_updatable(a.attrelid, a.attnum, true)
                ),
                'is_boolean', a.atttypid = 'boolean'::regtype,
                'is_unique', exists (
                    select
                    from pg_catalog.pg_index as i
                    where
                        i.indrelid = a.attrelid
                        and i.indisunique
                        and a.attnum = any(i.indkey)
                ),
                'labels', coalesce((
                    select jsonb_agg(e.enumlabel order by e.enumsortorder)
                    from pg_catalog.pg_enum as e
                    where e.enumtypid = a.atttypid
                ), '[]')
            )
            order by a.attnum
        ) as columns
    from pg_catalog.pg_attribute as a
    inner join relations as r on a.attrelid = r.oid
    where a.attnum > 0 and not a.attisdropped
    group by a.attrelid
),

keys as (
    select
        k.conname,
        k.conrelid,
        k.contype,
        k.confrelid,
        k.conparentid <> 0 as inherited,
        (
            select jsonb_agg(a.attname order by u.place)
            from unnest(k.conkey) with ordinality as u (attnum, place)
            inner join pg_catalog.pg_attribute as a
                on a.attrelid = k.conrelid and u.attnum = a.attnum
        ) as columns,
        (
            select jsonb_agg(a.attname order by u.place)
            from unnest(k.confkey) with ordinality as u (attnum, place)
            inner join pg_catalog.pg_attribute as a
                on a.attrelid = k.confrelid and u.attnum = a.attnum
        ) as target_columns
    from pg_catalog.pg_constraint as k
    where k.contype in ('p', 'f')
),

policy_roles as (
    select
        p.oid,
        g.rolname::text as role
    from pg_catalog.pg_policy as p
    cross join lateral unnest(array_remove(p.polroles, 0::oid)) as u (oid)
    inner join pg_catalog.pg_roles as g on pg_catalog.pg_has_role(g.oid, u.oid, 'usage')
    union all
    select
        p.oid,
        'public' as role
    from pg_catalog.pg_policy as p
    where 0::oid = any(p.polroles)
),

policies as (
    select
        p.polrelid,
        jsonb_agg(
            jsonb_build_object(
                'name', p.polname,
                'command', case p.polcmd
                    when 'r' then 'SELECT'
                    when 'a' then 'INSERT'
                    when 'w' then 'UPDATE'
                    when 'd' then 'DELETE'
                    else 'ALL'
                end,
                'permissive', p.polpermissive,
                'roles', array(
                    select distinct r.role
                    from policy_roles as r
                    where p.oid = r.oid
                    order by r.role
                )
            )
            order by p.polname
        ) as policies
    from pg_catalog.pg_policy as p
    group by p.polrelid
)
,

sent as materialized (
    select
        p.schemaname,
        p.tablename,
        p.attnames
    from pg_catalog.pg_publication_tables as p
    where p.pubname = 'supabase_realtime'
),

-- What a view reads and calls, what a partitioned table is made of, what a table's triggers call.
leanings as (
    select
        w.ev_class as oid,
        d.refobjid,
        d.refclassid = 'pg_proc'::regclass as is_function
    from pg_catalog.pg_rewrite as w
    inner join pg_catalog.pg_depend as d
        on w.oid = d.objid and d.classid = 'pg_rewrite'::regclass and w.ev_class <> d.refobjid
    where d.refclassid in ('pg_class'::regclass, 'pg_proc'::regclass)
    union
    select
        i.inhparent as oid,
        i.inhrelid as refobjid,
        false as is_function
    from pg_catalog.pg_inherits as i
    union
    select
        t.tgrelid as oid,
        t.tgfoid as refobjid,
        true as is_function
    from pg_catalog.pg_trigger as t
    where not t.tgisinternal and t.tgenabled in ('O', 'A')
)

select
    r.oid::int8 as oid,
    r.nspname as schema,
    r.relname as name,
    case r.relkind
        when 'r' then 'table'
        when 'p' then 'partitioned'
        when 'v' then 'view'
        when 'm' then 'materialized'
        else 'foreign'
    end as kind,
    coalesce(c.columns, '[]') as columns,
    coalesce((
        select k.columns
        from keys as k
        where k.conrelid = r.oid and k.contype = 'p'
    ), '[]') as primary_key,
    coalesce((
        select
            jsonb_agg(jsonb_build_object(
                'name', k.conname,
                'columns', k.columns,
                'target', k.confrelid::int8,
                'target_columns', k.target_columns,
                'inherited', k.inherited
            ) order by k.columns::text, k.confrelid::regclass::text)
        from keys as k
        where k.conrelid = r.oid and k.contype = 'f'
    ), '[]') as foreign_keys,
    array_remove(array[
        'SELECT',
        case when r.updatable & 8 > 0 then 'INSERT' end,
        case when r.updatable & 4 > 0 then 'UPDATE' end,
        case when r.updatable & 16 > 0 then 'DELETE' end
    ], null) as commands,
    case when r.relrowsecurity then coalesce(p.policies, '[]') end as policies,
    array(
        select distinct coalesce(m.named[1], m.named[2])
        from pg_catalog.pg_policy as o
        cross join
            lateral regexp_matches(
                concat(
                    pg_catalog.pg_get_expr(o.polqual, o.polrelid),
                    pg_catalog.pg_get_expr(o.polwithcheck, o.polrelid)
                ),
                '\((\w+) = (?:\( SELECT )?auth\.uid\(\)|auth\.uid\(\)(?: AS uid\))? = (\w+)\)',
                'g'
            ) as m (named)
        where o.polrelid = r.oid
    ) as askers,
    coalesce(s.attnames, '{}') as published,
    array(
        select n.refobjid::int8
        from leanings as n
        where r.oid = n.oid and not n.is_function
        order by n.refobjid
    ) as reads,
    array(
        select n.refobjid::int8
        from leanings as n
        where r.oid = n.oid and n.is_function
        order by n.refobjid
    ) as calls,
    coalesce((
        select
            jsonb_agg(jsonb_build_object(
                'name', t.tgname,
                'commands', array_remove(array[
                    case when t.tgtype & 4 > 0 then 'INSERT' end,
                    case when t.tgtype & 8 > 0 then 'DELETE' end,
                    case when t.tgtype & 16 > 0 then 'UPDATE' end
                ], null)
            ) order by t.tgname)
        from pg_catalog.pg_trigger as t
        where t.tgrelid = r.oid and not t.tgisinternal and t.tgenabled in ('O', 'A')
    ), '[]') as triggers
from relations as r
left join columns as c on r.oid = c.attrelid
left join policies as p on r.oid = p.polrelid
left join sent as s on r.nspname = s.schemaname and r.relname = s.tablename
