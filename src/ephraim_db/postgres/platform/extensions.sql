-- Extensions a project finds installed. What the server cannot load is pretended: a row in
-- pg_extension satisfies `create extension if not exists`, SQL functions stand in where they can.

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

create extension pgcrypto schema extensions;

do $$
begin
    create extension pg_stat_statements schema extensions;
exception when others then
    perform extensions.pretend_extension('pg_stat_statements', 'extensions', '1.10');
end
$$;

do $$
begin
    create extension "uuid-ossp" schema extensions;
exception when others then
    create function extensions.uuid_nil() returns uuid language sql immutable
    return '00000000-0000-0000-0000-000000000000'::uuid;
    create function extensions.uuid_ns_dns() returns uuid language sql immutable
    return '6ba7b810-9dad-11d1-80b4-00c04fd430c8'::uuid;
    create function extensions.uuid_ns_url() returns uuid language sql immutable
    return '6ba7b811-9dad-11d1-80b4-00c04fd430c8'::uuid;
    create function extensions.uuid_ns_oid() returns uuid language sql immutable
    return '6ba7b812-9dad-11d1-80b4-00c04fd430c8'::uuid;
    create function extensions.uuid_ns_x500() returns uuid language sql immutable
    return '6ba7b814-9dad-11d1-80b4-00c04fd430c8'::uuid;

    create function extensions.uuid_generate_v4() returns uuid language sql volatile
    return gen_random_uuid();
    -- Version 1 is a clock (60 bits, 100 ns since 1582-10-15) beside a random node.
    create function extensions.uuid_generate_v1() returns uuid language sql volatile
    as $f$
        select (
            substr(ticks, 9, 8) || substr(ticks, 5, 4) || '1' || substr(ticks, 2, 3)
            || right(gen_random_uuid()::text, 17)
        )::uuid
        from lpad(to_hex(
            (extract(epoch from clock_timestamp()) * 10000000)::bigint + 122192928000000000
        ), 16, '0') as ticks
    $f$;
    create function extensions.uuid_generate_v1mc() returns uuid language sql volatile
    return extensions.uuid_generate_v1();

    -- Versions 3 and 5 are a hash of namespace and name with six bits set (RFC 9562, 5.3 and 5.5).
    create function extensions.uuid_from_hash(hash bytea, version integer) returns uuid
    language sql immutable
    return encode(
        set_byte(
            set_byte(substr(hash, 1, 16), 6, (get_byte(hash, 6) & 15) | (version << 4)),
            8, (get_byte(hash, 8) & 63) | 128
        ), 'hex'
    )::uuid;
    create function extensions.uuid_generate_v3(namespace uuid, name text) returns uuid
    language sql immutable strict
    return extensions.uuid_from_hash(
        extensions.digest(uuid_send(namespace) || convert_to(name, 'utf8'), 'md5'), 3
    );
    create function extensions.uuid_generate_v5(namespace uuid, name text) returns uuid
    language sql immutable strict
    return extensions.uuid_from_hash(
        extensions.digest(uuid_send(namespace) || convert_to(name, 'utf8'), 'sha1'), 5
    );
    perform extensions.pretend_extension('uuid-ossp', 'extensions', '1.1');
end
$$;

-- postgres, no superuser, may create these on Supabase; Postgres itself does not trust them.
do $$
declare
    untrusted name;
begin
    for untrusted in
        select a.name from pg_catalog.pg_available_extensions as a
        where a.name in (
            'moddatetime', 'autoinc', 'insert_username', 'refint', 'dblink', 'postgres_fdw',
            'pgrowlocks', 'pgstattuple', 'pg_prewarm', 'vector'
        )
    loop
        begin
            execute format('create extension %I schema extensions cascade', untrusted);
        exception when others then
            raise notice 'extension % does not load here: %', untrusted, sqlerrm;
        end;
    end loop;
end
$$;

grant all on all tables in schema extensions to postgres with grant option;
grant all on all routines in schema extensions to postgres with grant option;

-- There postgres may drop them as well, and `supabase db reset` does.
update pg_catalog.pg_extension set extowner = 'postgres'::regrole
where extname <> 'plpgsql';
