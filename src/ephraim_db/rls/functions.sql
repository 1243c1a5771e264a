-- Every function of the user's schemas, extensions' left out. ephraim.roles are those asked about.
select
    p.oid::int8 as oid,
    n.nspname as schema,
    p.proname as name,
    pg_catalog.pg_get_function_identity_arguments(p.oid) as arguments,
    p.prosecdef as definer,
    p.provolatile as volatility,
    p.prorettype = 'trigger'::regtype as is_trigger,
    p.proretset as returns_set,
    pg_catalog.format_type(p.prorettype, null) as returns,
    coalesce(pg_catalog.pg_get_function_sqlbody(p.oid), p.prosrc) as source,
    array(
        select pg_catalog.format_type(a.oid, null)
        from unnest(p.proargtypes) with ordinality as a (oid, place)
        order by a.place
    ) as argument_types,
    coalesce(p.proargnames[1:p.pronargs], '{}') as argument_names,
    p.provariadic <> 0 as is_variadic,
    l.lanpltrusted as is_trusted,
    t.typrelid::int8 as returned_relation,
    array(
        select r.name
        from jsonb_array_elements_text(current_setting('ephraim.roles')::jsonb) as r (name)
        where
            pg_catalog.has_function_privilege(r.name, p.oid, 'execute')
            and pg_catalog.has_schema_privilege(r.name, n.oid, 'usage')
    ) as executors
from pg_catalog.pg_proc as p
inner join pg_catalog.pg_namespace as n on p.pronamespace = n.oid
inner join pg_catalog.pg_language as l on p.prolang = l.oid
inner join pg_catalog.pg_type as t on p.prorettype = t.oid
where
    p.prokind = 'f'
    and n.nspname <> 'information_schema'
    and n.nspname !~ '^pg_'
    and not exists (
        select
        from pg_catalog.pg_depend as d
        where
            d.classid = 'pg_proc'::regclass
            and d.objid = p.oid
            and d.deptype = 'e'
    )
order by n.nspname, p.proname, p.oid
