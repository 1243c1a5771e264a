-- The roles of a Supabase server. Roles belong to the whole server, so this may run many times.

do $$
declare
    wanted record;
begin
    for wanted in
        select * from (values
            ('supabase_admin', 'superuser login createdb createrole replication bypassrls'),
            ('postgres', 'login createdb createrole replication bypassrls'),
            ('anon', 'nologin'),
            ('authenticated', 'nologin'),
            ('service_role', 'nologin bypassrls'),
            ('authenticator', 'login noinherit'),
            ('dashboard_user', 'nologin createdb createrole replication'),
            ('pgbouncer', 'login'),
            ('supabase_auth_admin', 'login noinherit createrole'),
            ('supabase_storage_admin', 'login noinherit createrole'),
            ('supabase_functions_admin', 'login noinherit createrole'),
            ('supabase_realtime_admin', 'nologin noinherit'),
            ('supabase_replication_admin', 'login replication'),
            ('supabase_etl_admin', 'login replication'),
            ('supabase_read_only_user', 'login bypassrls'),
            ('pgsodium_keyholder', 'nologin'),
            ('pgsodium_keyiduser', 'nologin'),
            ('pgsodium_keymaker', 'nologin')
        ) as roles (name, attributes)
    loop
        if not exists (select from pg_catalog.pg_roles where rolname = wanted.name) then
            execute format('create role %I %s', wanted.name, wanted.attributes);
        end if;
    end loop;
end
$$;

-- Who may act as whom. Hosted Supabase lets postgres keep policies and triggers on the tables of
-- the service administrators; here it is their member.
do $$
declare
    given record;
begin
    for given in
        select * from (values
            ('anon, authenticated, service_role', 'authenticator', ''),
            ('anon, authenticated, service_role', 'supabase_realtime_admin', ''),
            ('anon, authenticated, service_role', 'postgres', 'with admin option'),
            ('authenticator', 'postgres', 'with admin option'),
            ('authenticator', 'supabase_storage_admin', ''),
            ('supabase_auth_admin, supabase_storage_admin', 'postgres', ''),
            ('supabase_realtime_admin, supabase_functions_admin', 'postgres', ''),
            ('pg_monitor, pg_read_all_data, pg_signal_backend', 'postgres', ''),
            ('pg_read_all_data', 'supabase_read_only_user', '')
        ) as memberships (roles, member, options)
    loop
        execute format('grant %s to %I %s', given.roles, given.member, given.options);
    end loop;
end
$$;

alter role anon set statement_timeout = '3s';
alter role authenticated set statement_timeout = '8s';
alter role authenticator set statement_timeout = '8s';
alter role authenticator set lock_timeout = '8s';
alter role postgres set search_path = "$user", public, extensions;
alter role supabase_admin set search_path = "$user", public, auth, extensions;
alter role supabase_auth_admin set search_path = auth;
alter role supabase_auth_admin set idle_in_transaction_session_timeout = '60s';
alter role supabase_storage_admin set search_path = storage;
alter role supabase_functions_admin set search_path = supabase_functions;

do $$
declare
    parameter text;
begin
    foreach parameter in array array[
        'session_replication_role', 'pgrst.db_pre_request', 'pgrst.db_schemas',
        'pgrst.db_aggregates_enabled', 'pgrst.jwt_secret'
    ]
    loop
        execute format('grant set on parameter %s to postgres', parameter);
    end loop;
end
$$;
