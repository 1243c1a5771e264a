-- Tells PostgREST to read the schema again after each change, as Supabase does.

create function extensions.pgrst_ddl_watch() returns event_trigger language plpgsql
as $$
begin
    if exists (
        select from pg_catalog.pg_event_trigger_ddl_commands() as c
        where c.schema_name is distinct from 'pg_temp'
    ) then
        notify pgrst, 'reload schema';
    end if;
end
$$;
create function extensions.pgrst_drop_watch() returns event_trigger language plpgsql
as $$
begin
    if exists (
        select from pg_catalog.pg_event_trigger_dropped_objects() as o where not o.is_temporary
    ) then
        notify pgrst, 'reload schema';
    end if;
end
$$;

do $$
begin
    create event trigger pgrst_ddl_watch on ddl_command_end
    execute function extensions.pgrst_ddl_watch();
    create event trigger pgrst_drop_watch on sql_drop
    execute function extensions.pgrst_drop_watch();
end
$$;
