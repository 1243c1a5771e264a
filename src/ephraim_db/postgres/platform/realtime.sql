-- What Realtime listens to.

create publication supabase_realtime;
alter publication supabase_realtime owner to postgres;
