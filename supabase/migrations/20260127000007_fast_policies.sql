-- Policies that cost next to nothing: what they ask is planned once a session, and what they look
-- at lies in the index they read. What it comes to: docs/benchmarks.md.

set local lock_timeout = '5s';
set local statement_timeout = '60s';


-- who is asking -----------------------------------------------------------------------------------
-- In PL/pgSQL, which keeps its plans: before Postgres 18, a function in SQL is planned anew in
-- every statement, which takes several times as long as to answer. None calls another. Who is
-- signed in comes first and by itself, where no plan is needed; so a plan is one look at an index.

create or replace function private.member_organization_id()
returns uuid
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
declare
    me constant uuid := auth.uid();
    organization uuid;
begin
    select p.organization_id into organization
    from public.profiles as p
    where p.id = me and p.is_active;
    return organization;
end
$$;

create or replace function private.organization_id_as(variadic roles public.member_role[])
returns uuid
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
declare
    me constant uuid := auth.uid();
    organization uuid;
begin
    select p.organization_id into organization
    from public.profiles as p
    where p.id = me and p.is_active and p.role = any (organization_id_as.roles);
    return organization;
end
$$;

create or replace function private.is_platform_admin()
returns boolean
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
declare
    me constant uuid := auth.uid();
begin
    perform from public.profiles as p where p.id = me and p.is_active and p.is_platform_admin;
    return found;
end
$$;

create or replace function private.is_staff()
returns boolean
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
declare
    me constant uuid := auth.uid();
begin
    perform from public.profiles as p
    where p.id = me and p.is_active and p.role in ('admin', 'coordinator', 'worker');
    return found;
end
$$;

create or replace function private.own_participant_id()
returns uuid
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
declare
    me constant uuid := auth.uid();
    participant uuid;
begin
    select q.id into participant
    from public.profiles as p
    inner join public.participants as q
        on p.organization_id = q.organization_id and p.id = q.profile_id
    where p.id = me and p.is_active;
    return participant;
end
$$;


-- what the newest page is read off ----------------------------------------------------------------
-- This comes before the first release, when sms_logs is small: to lock it takes no time.
-- squawk-ignore-file require-concurrent-index-creation, require-concurrent-index-deletion

drop index public.sms_logs_organization_id_created_at_id_idx;
create index sms_logs_organization_id_created_at_id_idx
on public.sms_logs (organization_id, created_at desc, id desc) include (related_participant_id);
comment on index public.sms_logs_organization_id_created_at_id_idx
is 'The policy asks for related_participant_id: with it in here, counting needs no table.';

drop index public.sms_logs_organization_id_related_worker_id_idx;
create index sms_logs_organization_id_related_worker_id_idx
on public.sms_logs (organization_id, related_worker_id, created_at desc, id desc);
drop index public.sms_logs_organization_id_related_participant_id_idx;
create index sms_logs_organization_id_related_participant_id_idx
on public.sms_logs (organization_id, related_participant_id, created_at desc, id desc);
