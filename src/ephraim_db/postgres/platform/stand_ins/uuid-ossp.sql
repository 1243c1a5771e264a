-- uuid-ossp in SQL: versions 3, 4 and 5 exactly, version 1 with a random node.

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
as $$
    select (
        substr(ticks, 9, 8) || substr(ticks, 5, 4) || '1' || substr(ticks, 2, 3)
        || right(gen_random_uuid()::text, 17)
    )::uuid
    from lpad(to_hex(
        (extract(epoch from clock_timestamp()) * 10000000)::bigint + 122192928000000000
    ), 16, '0') as ticks
$$;
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
