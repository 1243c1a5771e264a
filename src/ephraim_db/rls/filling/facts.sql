-- What a value must be like, for each column of each table; and the checks and unique keys.
create function pg_temp.ephraim_columns(oids bigint[])
returns table (
    oid bigint,
    name text,
    type text,
    base text,
    category text,
    kind text,
    element text,
    size integer,
    required boolean,
    labels text[]
)
language sql
as $$
with recursive bases as (
    select
        a.attrelid,
        a.attname,
        a.attnum,
        a.attnotnull as required,
        a.atttypid as type,
        a.atttypid as base,
        a.atttypmod as mod
    from pg_catalog.pg_attribute as a
    where a.attrelid = any(ephraim_columns.oids) and a.attnum > 0 and not a.attisdropped
    union all
    select
        b.attrelid,
        b.attname,
        b.attnum,
        b.required or t.typnotnull,
        b.type,
        t.typbasetype,
        t.typtypmod
    from bases as b
    inner join pg_catalog.pg_type as t on b.base = t.oid
    where t.typtype = 'd'
)

select
    b.attrelid::int8,
    b.attname::text,
    pg_catalog.format_type(b.type, null),
    t.typname::text,
    t.typcategory::text,
    t.typtype::text,
    pg_catalog.format_type(nullif(t.typelem, 0), null),
    case when t.typname in ('varchar', 'bpchar') then b.mod - 4 else b.mod end,
    b.required,
    array(
        select e.enumlabel::text from pg_catalog.pg_enum as e
        where e.enumtypid in (t.oid, t.typelem)
        order by e.enumsortorder
    )
from bases as b
inner join pg_catalog.pg_type as t on b.base = t.oid
where t.typtype <> 'd'
$$;

create function pg_temp.ephraim_checks(oids bigint[])
returns table (oid bigint, name text, columns text[], definition text, is_key boolean)
language sql
as $$
select
    k.conrelid::int8,
    k.conname::text,
    array(
        select a.attname::text from pg_catalog.pg_attribute as a
        where a.attrelid = k.conrelid and a.attnum = any(k.conkey)
        union
        select a.attname::text
        from pg_catalog.pg_attrdef as d
        inner join pg_catalog.pg_attribute as g
            on d.adrelid = g.attrelid and d.adnum = g.attnum and g.attgenerated <> ''
        inner join pg_catalog.pg_attribute as a
            on d.adrelid = a.attrelid and a.attnum > 0 and not a.attisdropped
        where
            d.adrelid = k.conrelid
            and g.attnum = any(k.conkey)
            and position(a.attname in pg_catalog.pg_get_expr(d.adbin, d.adrelid)) > 0
    ),
    pg_catalog.pg_get_constraintdef(k.oid),
    false
from pg_catalog.pg_constraint as k
where k.contype = 'c' and k.conrelid = any(ephraim_checks.oids)
union all
select
    a.attrelid::int8,
    k.conname::text,
    array[a.attname::text],
    pg_catalog.pg_get_constraintdef(k.oid),
    false
from pg_catalog.pg_attribute as a
inner join pg_catalog.pg_constraint as k on a.atttypid = k.contypid
where k.contype = 'c' and a.attrelid = any(ephraim_checks.oids) and not a.attisdropped
union all
select
    i.indrelid::int8,
    c.relname::text,
    array(
        select a.attname::text from pg_catalog.pg_attribute as a
        where a.attrelid = i.indrelid and a.attnum = any(i.indkey)
    ),
    '',
    true
from pg_catalog.pg_index as i
inner join pg_catalog.pg_class as c on i.indexrelid = c.oid
where (i.indisunique or i.indisexclusion) and i.indrelid = any(ephraim_checks.oids)
$$;

-- Tries statements, each as if the person of its claims had asked; what succeeds stays.
create function pg_temp.ephraim_fill(attempts jsonb)
returns table (attempt bigint, state text, at_constraint text, at_column text)
language plpgsql
as $$
declare
    attempting jsonb;
begin
    attempt := 0;
    for attempting in select a.value from jsonb_array_elements(attempts) as a loop
        attempt := attempt + 1;
        state := null;
        at_constraint := '';
        at_column := '';
        begin
            perform set_config('request.jwt.claims', attempting ->> 'claims', true);
            execute attempting ->> 'sql';
        exception
            when query_canceled then
                state := '57014';
            when others or assert_failure then
                get stacked diagnostics
                    state = returned_sqlstate,
                    at_constraint = constraint_name,
                    at_column = column_name;
        end;
        return next;
    end loop;
    perform set_config('request.jwt.claims', '', true);
end
$$
