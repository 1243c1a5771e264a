-- The flavour of projects made since 2026-05-30. Two things remain, as on Supabase: truncate,
-- references and trigger on tables, and the execute on functions that Postgres gives to public.

alter default privileges for role postgres in schema public
revoke select, insert, update, delete on tables from anon, authenticated, service_role;
alter default privileges for role postgres in schema public
revoke usage, select on sequences from anon, authenticated, service_role;
alter default privileges for role postgres in schema public
revoke execute on functions from anon, authenticated, service_role;
