-- What each role was granted on each relation, through membership and PUBLIC as well.
create or replace function pg_temp.ephraim_privileges(roles text[], oids bigint[])
returns table (
    role text,
    oid bigint,
    selects text[],
    inserts text[],
    updates text[],
    deletes boolean,
    whole_row boolean
)
language sql
as $$
select
    g.rolname::text,
    c.oid::int8,
    array_remove(array_agg(
        case when has_column_privilege(g.oid, c.oid, a.attnum, 'select') then a.attname::text end
    ), null) as selects,
    array_remove(array_agg(
        case when has_column_privilege(g.oid, c.oid, a.attnum, 'insert') then a.attname::text end
    ), null) as inserts,
    array_remove(array_agg(
        case when has_column_privilege(g.oid, c.oid, a.attnum, 'update') then a.attname::text end
    ), null) as updates,
    has_table_privilege(g.oid, c.oid, 'delete') as deletes,
    has_table_privilege(g.oid, c.oid, 'select') as whole_row
from pg_catalog.pg_class as c
left join pg_catalog.pg_attribute as a
    on c.oid = a.attrelid and a.attnum > 0 and not a.attisdropped
cross join pg_catalog.pg_roles as g
where
    c.oid = any(ephraim_privileges.oids)
    and g.rolname = any(ephraim_privileges.roles)
    and has_schema_privilege(g.oid, c.relnamespace, 'usage')
group by g.oid, g.rolname, c.oid
$$
