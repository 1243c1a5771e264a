-- What the credentials stand on: organizations, their people, and the rows an SMS can be about.
-- Every grant is spelled out, because platforms differ in what they grant by default. Why every
-- function has the search path it has: docs/decisions/search-path.md.

set local lock_timeout = '5s';
set local statement_timeout = '60s';

create schema private;
comment on schema private
is 'Helpers of policies and triggers. API roles have no usage: nothing here is called by name.';
revoke all on schema private from public, anon, authenticated, service_role;

create type public.member_role as enum ('admin', 'coordinator', 'worker', 'participant');
comment on type public.member_role
is 'What a member may do in their organization. Admins, coordinators and workers are staff.';

do $$
begin
    if not exists (select from pg_catalog.pg_roles where rolname = 'ephraim_sender') then
        create role ephraim_sender nologin noinherit nobypassrls;
    end if;
end
$$;
-- A role belongs to the whole server, so it may exist. Whoever migrates may act as it, to probe it.
grant ephraim_sender to current_user;
grant usage on schema public to ephraim_sender;


-- organizations and profiles ----------------------------------------------------------------------

create table public.organizations (
    id uuid primary key default gen_random_uuid(),
    name text not null,
    abn text,
    settings jsonb not null
    default '{"sms_enabled": false, "xero_connected": false, "ndia_registered": false}',
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint organizations_name_not_blank check (btrim(name) <> ''),
    constraint organizations_name_length check (length(name) <= 200),
    constraint organizations_abn_eleven_digits check (abn ~ '^[0-9]{11}$'),
    constraint organizations_settings_is_object check (jsonb_typeof(settings) = 'object'),
    constraint organizations_settings_size check (pg_column_size(settings) <= 16384),
    constraint organizations_settings_flags_are_boolean check (
        coalesce(jsonb_typeof(settings -> 'sms_enabled'), 'boolean') = 'boolean'
        and coalesce(jsonb_typeof(settings -> 'xero_connected'), 'boolean') = 'boolean'
        and coalesce(jsonb_typeof(settings -> 'ndia_registered'), 'boolean') = 'boolean'
    )
);
comment on table public.organizations is 'A care provider: the boundary no row crosses.';
comment on column public.organizations.settings
is 'Flags. An update merges: keys it leaves out stay, a JSON null removes its key.';

create table public.profiles (
    id uuid primary key references auth.users (id) on delete cascade,
    organization_id uuid not null references public.organizations (id),
    role public.member_role not null,
    first_name text not null,
    last_name text not null,
    email text not null,
    is_platform_admin boolean not null default false,
    is_active boolean not null default true,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint profiles_organization_id_id_key unique (organization_id, id),
    constraint profiles_names_length check (
        length(first_name) <= 200 and length(last_name) <= 200 and length(email) <= 320
    )
);
comment on table public.profiles is 'Who a signed-in user is: one organization, one member role.';
comment on column public.profiles.is_active
is 'A member who has left keeps the row and sees nothing.';


-- who is asking -----------------------------------------------------------------------------------
-- These read past RLS, so that a policy on profiles need not ask profiles again. A policy calls
-- them as (select private.fn()), once per statement. Policies reach them by identity, so execute
-- is needed and usage on the schema is not.

create function private.member_organization_id()
returns uuid
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
    select p.organization_id
    from public.profiles as p
    where p.id = (select auth.uid()) and p.is_active
$$;
comment on function private.member_organization_id()
is 'The organization of the signed-in member, if active; else null.';

create function private.organization_id_as(variadic roles public.member_role[])
returns uuid
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
    select p.organization_id
    from public.profiles as p
    where p.id = (select auth.uid()) and p.is_active and p.role = any (organization_id_as.roles)
$$;
comment on function private.organization_id_as(public.member_role[])
is 'The organization of the signed-in member, if active and in one of the roles; else null.';

create function private.is_platform_admin()
returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
    select exists (
        select
        from public.profiles as p
        where p.id = (select auth.uid()) and p.is_active and p.is_platform_admin
    )
$$;
comment on function private.is_platform_admin()
is 'Whether the signed-in member is active and runs the platform.';

revoke all on all functions in schema private from public, anon, authenticated, service_role;
grant execute on all functions in schema private to authenticated;


-- triggers ----------------------------------------------------------------------------------------

create function private.set_updated_at()
returns trigger
language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
    new.updated_at := now();
    return new;
end
$$;

create function private.merge_settings()
returns trigger
language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
    if jsonb_typeof(new.settings) = 'object' then
        new.settings := coalesce((
            select jsonb_object_agg(s.key, s.value)
            from jsonb_each(old.settings || new.settings) as s
            where s.value <> 'null'
        ), '{}');
    end if;
    return new;
end
$$;
comment on function private.merge_settings()
is 'Two admins who each set one flag at once must both succeed, so an update merges.';

create function private.guard_names()
returns trigger
language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
    if
        current_user = 'authenticated'
        and new.id is distinct from (select auth.uid())
        and (new.first_name, new.last_name) is distinct from (old.first_name, old.last_name)
    then
        raise exception 'first_name and last_name are changed by the member themselves only'
            using errcode = 'insufficient_privilege';
    end if;
    return new;
end
$$;
comment on function private.guard_names()
is 'Admins may change a member''s phone, not their name; a grant cannot tell the two apart.';

revoke all on function private.set_updated_at(), private.merge_settings(), private.guard_names()
from public, anon, authenticated, service_role;

create trigger organizations_merge_settings before update on public.organizations
for each row when (old.settings is distinct from new.settings)
execute function private.merge_settings();
create trigger organizations_set_updated_at before update on public.organizations
for each row execute function private.set_updated_at();
create trigger profiles_guard_names before update of first_name, last_name on public.profiles
for each row execute function private.guard_names();
create trigger profiles_set_updated_at before update on public.profiles
for each row execute function private.set_updated_at();


-- who may do what: organizations ------------------------------------------------------------------

alter table public.organizations enable row level security;
revoke all on table public.organizations from public, anon, authenticated, service_role;
grant select (id, name, abn, settings, created_at, updated_at) on public.organizations
to authenticated, service_role, ephraim_sender;
grant insert (id, name, abn, settings) on public.organizations to service_role;
grant update (name, abn, settings) on public.organizations to authenticated, service_role;

create policy "members read their organization, platform admins read all"
on public.organizations for select to authenticated
using (id = (select private.member_organization_id()) or (select private.is_platform_admin()));
comment on policy "members read their organization, platform admins read all"
on public.organizations
is 'One policy, because two permissive ones would both run for every row.';

create policy "admins change their organization"
on public.organizations for update to authenticated
using (id = (select private.organization_id_as('admin')))
with check (id = (select private.organization_id_as('admin')));
comment on policy "admins change their organization" on public.organizations
is 'Coordinators run the roster but do not hold the keys to paid services.';

create policy "the sender reads every organization"
on public.organizations for select to ephraim_sender
using (true);
comment on policy "the sender reads every organization" on public.organizations
is 'It serves them all, with column grants for what it needs and no BYPASSRLS.';


-- who may do what: profiles -----------------------------------------------------------------------

alter table public.profiles enable row level security;
revoke all on table public.profiles from public, anon, authenticated, service_role;
grant select on table public.profiles to authenticated, service_role;
grant delete on table public.profiles to service_role;
grant insert (id, organization_id, role, first_name, last_name, email, is_active)
on public.profiles to service_role;
grant update (first_name, last_name) on public.profiles to authenticated;
grant update (first_name, last_name, email, is_active) on public.profiles to service_role;

create policy "members read themselves, managers their organization"
on public.profiles for select to authenticated
using (
    (id = (select auth.uid()) and is_active)
    or organization_id = (select private.organization_id_as('admin', 'coordinator'))
    or (select private.is_platform_admin())
);
comment on policy "members read themselves, managers their organization" on public.profiles
is 'Managers are admins and coordinators. Platform admins read every profile.';

create policy "members change themselves, admins their organization"
on public.profiles for update to authenticated
using (
    (id = (select auth.uid()) and is_active)
    or organization_id = (select private.organization_id_as('admin'))
)
with check (
    (id = (select auth.uid()) and is_active)
    or organization_id = (select private.organization_id_as('admin'))
);
comment on policy "members change themselves, admins their organization" on public.profiles
is 'Grants leave out role, organization_id and is_platform_admin: nobody promotes themselves.';
comment on column public.profiles.is_platform_admin
is 'Given by the owner of the database only: the API has no grant to write it.';


-- workers -----------------------------------------------------------------------------------------
-- From here on foreign keys carry organization_id, so a row cannot point into another organization.
-- Members may not choose an id: a duplicate would tell that another organization has it.

create table public.workers (
    id uuid primary key default gen_random_uuid(),
    organization_id uuid not null references public.organizations (id),
    profile_id uuid,
    display_name text not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint workers_display_name_length check (length(display_name) <= 200),
    constraint workers_organization_id_id_key unique (organization_id, id),
    constraint workers_organization_id_profile_id_key unique (organization_id, profile_id),
    constraint workers_profile_fkey foreign key (organization_id, profile_id)
    references public.profiles (organization_id, id) on delete set null (profile_id)
);
comment on table public.workers is 'People who give care; profile_id once they can sign in.';
create trigger workers_set_updated_at before update on public.workers
for each row execute function private.set_updated_at();

alter table public.workers enable row level security;
revoke all on table public.workers from public, anon, authenticated, service_role;
grant select, delete on table public.workers to authenticated, service_role;
grant insert (organization_id, profile_id, display_name) on public.workers to authenticated;
grant insert (id, organization_id, profile_id, display_name) on public.workers to service_role;
grant update (profile_id, display_name) on public.workers to authenticated, service_role;

create policy "staff read their organization's workers"
on public.workers for select to authenticated
using (organization_id = (select private.organization_id_as('admin', 'coordinator', 'worker')));
create policy "managers add workers to their organization"
on public.workers for insert to authenticated
with check (organization_id = (select private.organization_id_as('admin', 'coordinator')));
create policy "managers change their organization's workers"
on public.workers for update to authenticated
using (organization_id = (select private.organization_id_as('admin', 'coordinator')))
with check (organization_id = (select private.organization_id_as('admin', 'coordinator')));
create policy "managers remove their organization's workers"
on public.workers for delete to authenticated
using (organization_id = (select private.organization_id_as('admin', 'coordinator')));


-- participants ------------------------------------------------------------------------------------

create table public.participants (
    id uuid primary key default gen_random_uuid(),
    organization_id uuid not null references public.organizations (id),
    profile_id uuid,
    display_name text not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint participants_display_name_length check (length(display_name) <= 200),
    constraint participants_organization_id_id_key unique (organization_id, id),
    constraint participants_organization_id_profile_id_key unique (organization_id, profile_id),
    constraint participants_profile_fkey foreign key (organization_id, profile_id)
    references public.profiles (organization_id, id) on delete set null (profile_id)
);
comment on table public.participants
is 'People who receive care; profile_id once they can sign in.';
create trigger participants_set_updated_at before update on public.participants
for each row execute function private.set_updated_at();

create function private.own_participant_id()
returns uuid
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
    select p.id
    from public.participants as p
    where
        p.profile_id = (select auth.uid())
        and p.organization_id = (select private.member_organization_id())
$$;
comment on function private.own_participant_id()
is 'The participant that the signed-in, active member is; else null.';
revoke all on function private.own_participant_id()
from public, anon, authenticated, service_role;
grant execute on function private.own_participant_id() to authenticated;

alter table public.participants enable row level security;
revoke all on table public.participants from public, anon, authenticated, service_role;
grant select, delete on table public.participants to authenticated, service_role;
grant insert (organization_id, profile_id, display_name) on public.participants to authenticated;
grant insert (id, organization_id, profile_id, display_name) on public.participants to service_role;
grant update (profile_id, display_name) on public.participants to authenticated, service_role;

create policy "staff read their participants, a participant their own row"
on public.participants for select to authenticated
using (
    organization_id = (select private.organization_id_as('admin', 'coordinator', 'worker'))
    or id = (select private.own_participant_id())
);
create policy "managers add participants to their organization"
on public.participants for insert to authenticated
with check (organization_id = (select private.organization_id_as('admin', 'coordinator')));
create policy "managers change their organization's participants"
on public.participants for update to authenticated
using (organization_id = (select private.organization_id_as('admin', 'coordinator')))
with check (organization_id = (select private.organization_id_as('admin', 'coordinator')));
create policy "managers remove their organization's participants"
on public.participants for delete to authenticated
using (organization_id = (select private.organization_id_as('admin', 'coordinator')));


-- shifts ------------------------------------------------------------------------------------------

create table public.shifts (
    id uuid primary key default gen_random_uuid(),
    organization_id uuid not null references public.organizations (id),
    worker_id uuid not null,
    participant_id uuid not null,
    starts_at timestamptz not null,
    ends_at timestamptz not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint shifts_end_after_they_start check (ends_at > starts_at),
    constraint shifts_organization_id_id_key unique (organization_id, id),
    constraint shifts_worker_fkey foreign key (organization_id, worker_id)
    references public.workers (organization_id, id),
    constraint shifts_participant_fkey foreign key (organization_id, participant_id)
    references public.participants (organization_id, id)
);
comment on table public.shifts is 'A worker with a participant, from when to when.';
create index shifts_organization_id_worker_id_idx on public.shifts (organization_id, worker_id);
create index shifts_organization_id_participant_id_idx
on public.shifts (organization_id, participant_id);
create trigger shifts_set_updated_at before update on public.shifts
for each row execute function private.set_updated_at();

alter table public.shifts enable row level security;
revoke all on table public.shifts from public, anon, authenticated, service_role;
grant select, delete on table public.shifts to authenticated, service_role;
grant insert (organization_id, worker_id, participant_id, starts_at, ends_at) on public.shifts
to authenticated;
grant insert (id, organization_id, worker_id, participant_id, starts_at, ends_at) on public.shifts
to service_role;
grant update (worker_id, participant_id, starts_at, ends_at) on public.shifts
to authenticated, service_role;

create policy "staff read their organization's shifts, participants their own"
on public.shifts for select to authenticated
using (
    organization_id = (select private.organization_id_as('admin', 'coordinator', 'worker'))
    or participant_id = (select private.own_participant_id())
);
create policy "managers add shifts to their organization"
on public.shifts for insert to authenticated
with check (organization_id = (select private.organization_id_as('admin', 'coordinator')));
create policy "managers change their organization's shifts"
on public.shifts for update to authenticated
using (organization_id = (select private.organization_id_as('admin', 'coordinator')))
with check (organization_id = (select private.organization_id_as('admin', 'coordinator')));
create policy "managers remove their organization's shifts"
on public.shifts for delete to authenticated
using (organization_id = (select private.organization_id_as('admin', 'coordinator')));


-- no estimates ------------------------------------------------------------------------------------
-- The planner estimates from everybody's rows, and PostgREST hands estimates out. Why this is half
-- of the answer, and where the other half is: docs/decisions/planner-estimates.md.

create function public.refuse_estimates()
returns void
language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
    if
        nullif(current_setting('request.headers', true), '')::json ->> 'prefer'
        ~* 'count\s*=\s*(planned|estimated)'
    then
        raise sqlstate 'PT400' using
            message = 'count=planned and count=estimated are not served',
            hint = 'Ask for count=exact: the planner counts rows that the caller may not see.';
    end if;
end
$$;
comment on function public.refuse_estimates()
is 'PostgREST calls it before each request, as whoever asks, and answers PT400 as HTTP 400.';
revoke all on function public.refuse_estimates()
from public, anon, authenticated, service_role;
grant execute on function public.refuse_estimates() to anon, authenticated, service_role;

do $$
declare
    ours constant text := 'public.refuse_estimates';
    called text;
begin
    select split_part(s.setting, '=', 2)
    into called
    from pg_catalog.pg_db_role_setting as r
    cross join lateral unnest(r.setconfig) as s (setting)
    where
        r.setrole = 'authenticator'::regrole
        and r.setdatabase in (
            0, (select d.oid from pg_catalog.pg_database as d where d.datname = current_database())
        )
        and s.setting like 'pgrst.db_pre_request=%'
    order by r.setdatabase desc
    limit 1;
    if called is null then
        execute format(
            'alter role authenticator in database %I set pgrst.db_pre_request = %L',
            current_database(), ours
        );
        notify pgrst, 'reload config';
    elsif called <> ours then
        raise warning 'PostgREST calls % before each request: let it begin with '
            '`perform public.refuse_estimates();`', called;
    end if;
end
$$;
