-- For each exposed relation and each role: what it may not do yet, and what it would be able to do
-- by default, if nobody had revoked it.
with
defaults as (
    select
        d.defaclnamespace,
        d.defaclrole,
        d.defaclobjtype,
        a.grantee,
        a.privilege_type
    from pg_catalog.pg_default_acl as d
    cross join lateral pg_catalog.aclexplode(d.defaclacl) as a
)

select
    c.oid::int8 as relation,
    g.rolname::text as role,
    array_remove(array_agg(
        case when not pg_catalog.has_table_privilege(g.oid, c.oid, w.word) then w.word end
    ), null) as missing,
    array_remove(array_agg(
        case
            when
                not pg_catalog.has_table_privilege(g.oid, c.oid, w.word)
                and exists (
                    select
                    from defaults as d
                    where
                        d.defaclnamespace in (0, c.relnamespace)
                        and d.defaclrole = c.relowner
                        and d.defaclobjtype = 'r'
                        and d.grantee in (0, g.oid)
                        and d.privilege_type = upper(w.word)
                )
                then w.word
        end
    ), null) as revoked
from pg_catalog.pg_class as c
cross join pg_catalog.pg_roles as g
cross join (values ('select'), ('insert'), ('update'), ('delete'), ('truncate')) as w (word)
where
    c.oid = any(current_setting('ephraim.oids')::bigint[])
    and g.rolname = any(current_setting('ephraim.roles')::text[])
    and pg_catalog.pg_has_role(c.relowner, 'usage')
    and pg_catalog.has_schema_privilege(g.oid, c.relnamespace, 'usage')
group by c.oid, g.rolname
order by c.oid::regclass::text, g.rolname
