-- How an extension is pretended: a row in pg_extension satisfies `create extension if not exists`,
-- `drop extension` and `comment on extension`, though nothing of it is there.

create function extensions.pretend_extension(
    extension name, in_schema name, version text
)
returns void
language sql set search_path = ''
as $$
    insert into pg_catalog.pg_extension
    (oid, extname, extowner, extnamespace, extrelocatable, extversion)
    select
        greatest(3600000000, (select max(e.oid::bigint) from pg_catalog.pg_extension as e) + 1)::oid,
        pretend_extension.extension,
        'postgres'::regrole,
        pretend_extension.in_schema::text::regnamespace,
        false,
        pretend_extension.version
    where not exists (
        select from pg_catalog.pg_extension as e where e.extname = pretend_extension.extension
    )
$$;
