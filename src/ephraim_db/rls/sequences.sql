-- The sequences of the exposed schemas, extensions' left out.
create or replace function pg_temp.ephraim_sequences(schemas text[])
returns table (schema text, name text)
language sql
as $$
select
    n.nspname::text,
    c.relname::text
from pg_catalog.pg_class as c
inner join pg_catalog.pg_namespace as n on c.relnamespace = n.oid
where
    c.relkind = 'S'
    and n.nspname = any(ephraim_sequences.schemas)
    and not exists (
        select
        from pg_catalog.pg_depend as d
        where
            d.classid = 'pg_class'::regclass
            and d.objid = c.oid
            and d.deptype = 'e'
    )
order by n.nspname, c.relname
$$
