-- pg_net: requests are queued and never sent.

create schema net;
create table net.http_request_queue (
    id bigserial primary key,
    method text,
    url text,
    headers jsonb,
    body bytea,
    timeout_milliseconds integer
);
create table net._http_response (
    id bigint,
    status_code integer,
    content_type text,
    headers jsonb,
    content text,
    timed_out boolean,
    error_msg text,
    created timestamptz not null default now()
);

create function net.http_get(
    url text, params jsonb default '{}', headers jsonb default '{}',
    timeout_milliseconds integer default 5000
)
returns bigint language sql security definer set search_path = ''
as $$
    insert into net.http_request_queue (method, url, headers, timeout_milliseconds)
    values ('GET', url, headers, timeout_milliseconds)
    returning http_request_queue.id
$$;

create function net.http_post(
    url text, body jsonb default '{}', params jsonb default '{}',
    headers jsonb default '{"Content-Type": "application/json"}',
    timeout_milliseconds integer default 5000
)
returns bigint language sql security definer set search_path = ''
as $$
    insert into net.http_request_queue (method, url, headers, body, timeout_milliseconds)
    values ('POST', url, headers, convert_to(body::text, 'utf8'), timeout_milliseconds)
    returning http_request_queue.id
$$;

create function net.http_delete(
    url text, params jsonb default '{}', headers jsonb default '{}',
    timeout_milliseconds integer default 5000, body jsonb default null
)
returns bigint language sql security definer set search_path = ''
as $$
    insert into net.http_request_queue (method, url, headers, body, timeout_milliseconds)
    values ('DELETE', url, headers, convert_to(body::text, 'utf8'), timeout_milliseconds)
    returning http_request_queue.id
$$;

grant usage on schema net to supabase_functions_admin, postgres, anon, authenticated, service_role;
grant all on table net.http_request_queue, net._http_response to postgres;
