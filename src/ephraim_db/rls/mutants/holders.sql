-- Who may do what to a relation, or to a column of it: everybody but superusers, the owner and
-- Postgres's own roles, whose members show for themselves. ephraim.oids says which.
select
    c.oid::int8 as relation,
    w.word,
    g.rolname::text as role,
    not g.rolbypassrls as is_held,
    array(
        select a.attname::text
        from pg_catalog.pg_attribute as a
        where
            w.word = 'update'
            and a.attrelid = c.oid
            and a.attnum > 0
            and not a.attisdropped
            and pg_catalog.has_column_privilege(g.oid, c.oid, a.attnum, 'update')
    ) as columns
from pg_catalog.pg_class as c
cross join pg_catalog.pg_roles as g
cross join (values ('select'), ('insert'), ('update'), ('delete'), ('truncate')) as w (word)
where
    c.oid = any(current_setting('ephraim.oids')::bigint[])
    and not g.rolsuper
    and g.rolname !~ '^pg_'
    and not pg_catalog.pg_has_role(g.oid, c.relowner, 'usage')
    and case
        when w.word in ('delete', 'truncate')
            then pg_catalog.has_table_privilege(g.oid, c.oid, w.word)
        else pg_catalog.has_any_column_privilege(g.oid, c.oid, w.word)
    end
