-- The definitions of functions that may be replaced. ephraim.oids says which.
select
    p.oid::int8 as oid,
    pg_catalog.pg_get_functiondef(p.oid) as definition,
    pg_catalog.format(
        '%I.%I(%s)', n.nspname, p.proname, pg_catalog.pg_get_function_identity_arguments(p.oid)
    ) as signature,
    pg_catalog.format_type(p.prorettype, null) as returns,
    array(
        select pg_catalog.format_type(u.oid, null)
        from unnest(p.proargtypes) with ordinality as u (oid, place)
        order by u.place
    ) as argument_types,
    (
        select substr(s.setting, length('search_path=') + 1)
        from unnest(p.proconfig) as s (setting)
        where starts_with(s.setting, 'search_path=')
    ) as search_path,
    coalesce((
        select bool_or(a.grantee = 0)
        from
            pg_catalog.aclexplode(coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))) as a
    ), false) as is_public
from pg_catalog.pg_proc as p
inner join pg_catalog.pg_namespace as n on p.pronamespace = n.oid
inner join pg_catalog.pg_language as l on p.prolang = l.oid
where
    p.oid = any(current_setting('ephraim.oids')::bigint[])
    and p.prokind = 'f'
    and l.lanname in ('sql', 'plpgsql')
    and pg_catalog.pg_has_role(p.proowner, 'usage')
    and not exists (
        select
        from pg_catalog.pg_depend as d
        where
            d.classid = 'pg_catalog.pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
    )
order by n.nspname, p.proname
