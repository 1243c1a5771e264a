-- Every policy with its expressions, and what these call.
select
    p.oid::int8 as oid,
    p.polrelid::int8 as relation,
    p.polname::text as name,
    case p.polcmd
        when 'r' then 'select'
        when 'a' then 'insert'
        when 'w' then 'update'
        when 'd' then 'delete'
        else 'all'
    end as command,
    p.polpermissive as permissive,
    array(
        select g.rolname::text
        from unnest(p.polroles) as u (oid)
        inner join pg_catalog.pg_roles as g on u.oid = g.oid
        order by g.rolname
    ) as roles,
    pg_catalog.pg_get_expr(p.polqual, p.polrelid) as qual,
    pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid) as checked,
    array(
        select distinct d.refobjid::int8
        from pg_catalog.pg_depend as d
        where
            d.classid = 'pg_catalog.pg_policy'::regclass
            and d.objid = p.oid
            and d.refclassid = 'pg_catalog.pg_proc'::regclass
    ) as calls,
    array(
        select distinct d.refobjid::int8
        from pg_catalog.pg_depend as d
        where
            d.classid = 'pg_catalog.pg_policy'::regclass
            and d.objid = p.oid
            and d.refclassid = 'pg_catalog.pg_class'::regclass
            and d.refobjid <> p.polrelid
    ) as reads
from pg_catalog.pg_policy as p
inner join pg_catalog.pg_class as c on p.polrelid = c.oid
where pg_catalog.pg_has_role(c.relowner, 'usage')
order by p.polrelid::regclass::text, p.polname
