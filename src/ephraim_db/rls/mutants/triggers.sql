-- Every trigger that somebody wrote.
select
    t.tgrelid::int8 as relation,
    t.tgname::text as name,
    t.tgfoid::int8 as function,
    t.tgfoid::regproc::text as function_name,
    t.tgtype & 2 > 0 as is_before,
    t.tgtype & 1 > 0 as is_for_rows,
    array_remove(array[
        case when t.tgtype & 4 > 0 then 'insert' end,
        case when t.tgtype & 8 > 0 then 'delete' end,
        case when t.tgtype & 16 > 0 then 'update' end,
        case when t.tgtype & 32 > 0 then 'truncate' end
    ], null) as events
from pg_catalog.pg_trigger as t
inner join pg_catalog.pg_class as c on t.tgrelid = c.oid
where
    not t.tgisinternal
    and t.tgparentid = 0
    and t.tgenabled in ('O', 'A')
    and pg_catalog.pg_has_role(c.relowner, 'usage')
order by t.tgrelid::regclass::text, t.tgname
