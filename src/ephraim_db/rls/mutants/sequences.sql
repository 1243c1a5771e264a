-- Each sequence of the schemas in ephraim.schemas, with the roles of ephraim.roles that may not use
-- it; would_have: those that could by default, if nobody had revoked it.
select
    c.oid::int8 as oid,
    pg_catalog.format('%I.%I', n.nspname, c.relname) as name,
    array_agg(g.rolname::text order by g.rolname) as missing,
    coalesce(array_agg(g.rolname::text order by g.rolname) filter (where exists (
        select
        from pg_catalog.pg_default_acl as d
        cross join lateral pg_catalog.aclexplode(d.defaclacl) as a
        where
            d.defaclnamespace in (0, c.relnamespace)
            and d.defaclrole = c.relowner
            and d.defaclobjtype = 'S'
            and a.grantee in (0, g.oid)
            and a.privilege_type = 'USAGE'
    )), '{}') as would_have
from pg_catalog.pg_class as c
inner join pg_catalog.pg_namespace as n on c.relnamespace = n.oid
cross join pg_catalog.pg_roles as g
where
    c.relkind = 'S'
    and n.nspname = any(current_setting('ephraim.schemas')::text[])
    and g.rolname = any(current_setting('ephraim.roles')::text[])
    and pg_catalog.pg_has_role(c.relowner, 'usage')
    and not pg_catalog.has_sequence_privilege(g.oid, c.oid, 'usage')
group by c.oid, n.nspname, c.relname
order by n.nspname, c.relname
