-- What else there is to know about the user's tables: row security, unique keys, triggers, and the
-- publications they are in.
select
    c.oid::int8 as oid,
    c.relrowsecurity as secured,
    coalesce((
        select jsonb_agg(k.columns)
        from (
            select jsonb_agg(a.attname order by u.place) as columns
            from pg_catalog.pg_index as i
            cross join lateral unnest(i.indkey) with ordinality as u (attnum, place)
            inner join pg_catalog.pg_attribute as a
                on i.indrelid = a.attrelid and u.attnum = a.attnum
            where
                i.indrelid = c.oid
                and i.indisunique
                and not i.indisprimary
                and i.indpred is null
                and i.indexprs is null
            group by i.indexrelid
        ) as k
    ), '[]') as unique_keys,
    array(
        select t.tgfoid::int8
        from pg_catalog.pg_trigger as t
        where t.tgrelid = c.oid and not t.tgisinternal and t.tgenabled <> 'D'
    ) as trigger_functions,
    coalesce((
        select jsonb_object_agg(p.pubname, p.attnames)
        from pg_catalog.pg_publication_tables as p
        where p.schemaname = n.nspname and p.tablename = c.relname
    ), '{}') as publications
from pg_catalog.pg_class as c
inner join pg_catalog.pg_namespace as n on c.relnamespace = n.oid
where
    c.relkind in ('r', 'p')
    and n.nspname <> 'information_schema'
    and n.nspname !~ '^pg_'
