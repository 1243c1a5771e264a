-- pg_cron: jobs are recorded and never run.

create schema cron;
create table cron.job (
    jobid bigserial primary key,
    schedule text not null,
    command text not null,
    nodename text not null default 'localhost',
    nodeport integer not null default 5432,
    database text not null default current_database(),
    username text not null default current_user,
    active boolean not null default true,
    jobname text,
    constraint jobname_username_uniq unique (jobname, username)
);
alter table cron.job enable row level security;
create policy cron_job_policy on cron.job using (username = current_user);
-- `supabase db reset` drops the policy by itself, as the table is no part of a real extension.
alter table cron.job owner to postgres;
create table cron.job_run_details (
    jobid bigint,
    runid bigserial primary key,
    job_pid integer,
    database text,
    username text,
    command text,
    status text,
    return_message text,
    start_time timestamptz,
    end_time timestamptz
);

create function cron.schedule(job_name text, schedule text, command text) returns bigint
language sql set search_path = ''
as $$
    insert into cron.job (jobname, schedule, command)
    values (job_name, schedule.schedule, schedule.command)
    on conflict on constraint jobname_username_uniq
    do update set schedule = excluded.schedule, command = excluded.command
    returning job.jobid
$$;
create function cron.schedule(schedule text, command text) returns bigint
language sql set search_path = ''
as $$
    insert into cron.job (schedule, command) values (schedule.schedule, schedule.command)
    returning job.jobid
$$;

create function cron.unschedule(job_id bigint) returns boolean
language plpgsql set search_path = ''
as $$
begin
    delete from cron.job as j where j.jobid = job_id;
    if not found then
        raise exception 'there is no job %', job_id;
    end if;
    return true;
end
$$;
create function cron.unschedule(job_name text) returns boolean
language plpgsql set search_path = ''
as $$
begin
    delete from cron.job as j where j.jobname = job_name;
    if not found then
        raise exception 'there is no job %', job_name;
    end if;
    return true;
end
$$;

grant usage on schema cron to postgres with grant option;
grant all on all tables in schema cron to postgres with grant option;
grant all on all sequences in schema cron to postgres with grant option;
grant all on all functions in schema cron to postgres with grant option;
