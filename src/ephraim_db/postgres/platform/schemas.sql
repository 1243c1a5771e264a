-- The schemas of a project's database, who may use them, and the ledger of its migrations.

create schema extensions authorization postgres;
create schema auth authorization supabase_admin;
create schema storage authorization supabase_admin;
create schema realtime authorization supabase_admin;
create schema graphql authorization supabase_admin;
create schema graphql_public authorization supabase_admin;
create schema vault authorization supabase_admin;
create schema supabase_functions authorization supabase_admin;
create schema _realtime authorization postgres;
create schema pgbouncer authorization pgbouncer;

grant usage on schema public, auth, storage, realtime, graphql, graphql_public, supabase_functions
to postgres, anon, authenticated, service_role;
grant usage on schema extensions to anon, authenticated, service_role;
grant usage on schema storage, realtime, graphql, graphql_public, vault
to postgres with grant option;
grant usage on schema vault to service_role;
grant create on schema public to postgres;
grant all on schema extensions to dashboard_user;
grant all on schema auth to supabase_auth_admin, dashboard_user;
grant all on schema storage to supabase_storage_admin, dashboard_user;
grant all on schema realtime to supabase_realtime_admin;
