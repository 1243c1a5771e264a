-- Every policy on the user's relations, and what it leans on.
select
    p.polrelid::int8 as relation,
    p.polname as name,
    case p.polcmd
        when 'r' then 'SELECT'
        when 'a' then 'INSERT'
        when 'w' then 'UPDATE'
        when 'd' then 'DELETE'
        else 'ALL'
    end as command,
    p.polpermissive as permissive,
    array(
        select case r.oid when 0 then 'public' else r.oid::regrole::text end
        from unnest(p.polroles) as r (oid)
    ) as roles,
    coalesce(pg_catalog.pg_get_expr(p.polqual, p.polrelid), '') as condition,
    coalesce(pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid), '') as check_condition,
    array(
        select distinct d.refobjid::int8
        from pg_catalog.pg_depend as d
        where
            d.classid = 'pg_policy'::regclass
            and d.objid = p.oid
            and d.refclassid = 'pg_class'::regclass
            and d.refobjid <> p.polrelid
    ) as reads,
    array(
        select distinct d.refobjid::int8
        from pg_catalog.pg_depend as d
        where
            d.classid = 'pg_policy'::regclass
            and d.objid = p.oid
            and d.refclassid = 'pg_proc'::regclass
    ) as calls
from pg_catalog.pg_policy as p
order by p.polrelid, p.polname
