-- Database webhooks: the trigger function that the dashboard's triggers call. It records, and calls
-- nobody.

create table supabase_functions.hooks (
    id bigserial primary key,
    hook_table_id integer not null,
    hook_name text not null,
    created_at timestamptz not null default now(),
    request_id bigint
);
create function supabase_functions.http_request() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
    insert into supabase_functions.hooks (hook_table_id, hook_name) values (tg_relid, tg_name);
    return coalesce(new, old);
end
$$;
grant all on table supabase_functions.hooks to postgres, service_role;
grant usage on sequence supabase_functions.hooks_id_seq to postgres, service_role;
grant execute on function supabase_functions.http_request()
to postgres, anon, authenticated, service_role;
