-- A working Xero connection: what is known of it, authorizations on their way, and what is still to
-- be undone at Xero. The tokens themselves stay sealed in organizations.xero_token_set.

set local lock_timeout = '5s';
set local statement_timeout = '60s';


-- what is known of each connection ----------------------------------------------------------------

create table public.xero_connections (
    organization_id uuid primary key references public.organizations (id),
    connection_id uuid not null,
    tenant_name text not null,
    scope text not null,
    status text not null default 'connected',
    reauth_reason text,
    connected_by uuid,
    connected_at timestamptz not null default now(),
    refreshed_at timestamptz not null default now(),
    access_expires_at timestamptz not null,
    generation bigint not null default 1,
    refused_secret_hash bytea,
    last_error text,
    last_error_at timestamptz,
    constraint xero_connections_status_known check (status in ('connected', 'reauth_required')),
    constraint xero_connections_reason_when_required check (
        (status = 'reauth_required') = (reauth_reason is not null)
    ),
    constraint xero_connections_connected_by_fkey foreign key (organization_id, connected_by)
    references public.profiles (organization_id, id) on delete set null (connected_by)
);
comment on table public.xero_connections
is 'One connected Xero organisation each. Whoever refreshes its tokens holds the lock on the row.';
comment on column public.xero_connections.connection_id
is 'What DELETE https://api.xero.com/connections/{id} takes; the tenant is in organizations.';
comment on column public.xero_connections.generation
is 'Counts token sets: a refusal is believed only while the set it was about is still stored.';
comment on column public.xero_connections.access_expires_at
is 'By this database''s clock, which all processes share.';
comment on column public.xero_connections.refused_secret_hash
is 'SHA-256 of the sealed client secret that Xero refused: it is not tried twice.';
create index xero_connections_organization_id_connected_by_idx
on public.xero_connections (organization_id, connected_by);

alter table public.xero_connections enable row level security;
revoke all on table public.xero_connections from public, anon, authenticated, service_role;
grant select (
    organization_id, tenant_name, scope, status, reauth_reason, connected_by, connected_at,
    refreshed_at, access_expires_at, last_error, last_error_at
) on public.xero_connections to authenticated, service_role;
grant select, delete on table public.xero_connections to ephraim_sender;
grant insert (
    organization_id, connection_id, tenant_name, scope, connected_by, access_expires_at
) on public.xero_connections to ephraim_sender;
grant update (
    connection_id, tenant_name, scope, status, reauth_reason, connected_by, connected_at,
    refreshed_at, access_expires_at, generation, refused_secret_hash, last_error, last_error_at
) on public.xero_connections to ephraim_sender;

create policy "staff read their organization's Xero connection"
on public.xero_connections for select to authenticated
using (organization_id = (select private.organization_id_as('admin', 'coordinator', 'worker')));
comment on policy "staff read their organization's Xero connection" on public.xero_connections
is 'The settings page shows everyone on staff what works; nothing in here opens anything.';
create policy "the sender reads every Xero connection"
on public.xero_connections for select to ephraim_sender
using (true);
create policy "the sender adds Xero connections"
on public.xero_connections for insert to ephraim_sender
with check (true);
create policy "the sender changes every Xero connection"
on public.xero_connections for update to ephraim_sender
using (true) with check (true);
create policy "the sender removes Xero connections"
on public.xero_connections for delete to ephraim_sender
using (true);


-- authorizations on their way ---------------------------------------------------------------------

create table public.xero_authorizations (
    id uuid primary key default gen_random_uuid(),
    state_hash bytea not null unique,
    organization_id uuid not null,
    user_id uuid not null,
    session_hash bytea not null,
    xero_client_id text not null,
    redirect_uri text not null,
    code_verifier text,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null default now() + interval '10 minutes',
    used_at timestamptz,
    xero_token_set text,
    scope text,
    access_expires_at timestamptz,
    tenants jsonb,
    constraint xero_authorizations_state_is_hashed check (octet_length(state_hash) = 32),
    constraint xero_authorizations_session_is_hashed check (octet_length(session_hash) = 32),
    constraint xero_authorizations_choice_whole check (
        num_nulls(xero_token_set, scope, access_expires_at, tenants) in (0, 4)
    ),
    constraint xero_authorizations_code_verifier_sealed
    check (code_verifier ~ '^seal:v1:[A-Za-z0-9_-]{43}:[A-Za-z0-9_-]+$'),
    constraint xero_authorizations_token_set_sealed
    check (xero_token_set ~ '^seal:v1:[A-Za-z0-9_-]{43}:[A-Za-z0-9_-]+$'),
    constraint xero_authorizations_user_fkey foreign key (organization_id, user_id)
    references public.profiles (organization_id, id) on delete cascade
);
comment on table public.xero_authorizations
is 'An admin was sent to Xero: good once, for ten minutes, in the browser session that asked.';
comment on column public.xero_authorizations.state_hash
is 'SHA-256 of the state parameter, which is stored nowhere.';
comment on column public.xero_authorizations.code_verifier is 'Sealed. PKCE''s (RFC 7636).';
comment on column public.xero_authorizations.tenants
is 'What Xero connected, for the admin to choose from; the sealed token set waits beside it.';
create index xero_authorizations_organization_id_user_id_idx
on public.xero_authorizations (organization_id, user_id);

create function private.guard_xero_authorization()
returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    if new.code_verifier is distinct from old.code_verifier then
        perform private.check_envelope('code_verifier', new.code_verifier);
    end if;
    if new.xero_token_set is distinct from old.xero_token_set then
        perform private.check_envelope('xero_token_set', new.xero_token_set);
    end if;
    if new.expires_at > clock_timestamp() + interval '10 minutes' then
        raise exception 'an authorization is good for ten minutes'
            using errcode = 'insufficient_privilege';
    end if;
    if tg_op = 'UPDATE' and old.used_at is not null and new.used_at is distinct from old.used_at then
        raise exception 'an authorization is used once'
            using errcode = 'insufficient_privilege';
    end if;
    if tg_op = 'UPDATE' and private.acting_role() = 'ephraim_rotator' then
        return new;
    end if;
    if not exists (
        select
        from public.profiles as p
        where
            p.id = new.user_id
            and p.organization_id = new.organization_id
            and p.role = 'admin'
            and p.is_active
    ) then
        raise exception 'only an active admin connects the organization to Xero'
            using errcode = 'insufficient_privilege';
    end if;
    return new;
end
$$;
comment on function private.guard_xero_authorization()
is 'The database decides who may connect, when they leave for Xero and again when they return. The
rotator, which connects nobody, is not asked.';
revoke all on function private.guard_xero_authorization()
from public, anon, authenticated, service_role;
create trigger xero_authorizations_guard before insert or update on public.xero_authorizations
for each row execute function private.guard_xero_authorization();

alter table public.xero_authorizations enable row level security;
revoke all on table public.xero_authorizations from public, anon, authenticated, service_role;
grant select, delete on table public.xero_authorizations to ephraim_sender;
grant insert (
    state_hash, organization_id, user_id, session_hash, xero_client_id, redirect_uri, code_verifier
) on public.xero_authorizations to ephraim_sender;
grant update (used_at, expires_at, xero_token_set, scope, access_expires_at, tenants)
on public.xero_authorizations to ephraim_sender;

create policy "the sender reads every Xero authorization"
on public.xero_authorizations for select to ephraim_sender
using (true);
create policy "the sender adds Xero authorizations"
on public.xero_authorizations for insert to ephraim_sender
with check (true);
create policy "the sender uses up Xero authorizations"
on public.xero_authorizations for update to ephraim_sender
using (true) with check (true);
create policy "the sender removes Xero authorizations"
on public.xero_authorizations for delete to ephraim_sender
using (true);

grant select (id, organization_id, code_verifier, xero_token_set)
on public.xero_authorizations to ephraim_rotator;
grant update (code_verifier, xero_token_set) on public.xero_authorizations to ephraim_rotator;
grant delete on table public.xero_authorizations to ephraim_rotator;
create policy "the rotator reads every authorization's envelopes"
on public.xero_authorizations for select to ephraim_rotator
using (true);
create policy "the rotator seals every authorization's secrets anew"
on public.xero_authorizations for update to ephraim_rotator
using (true) with check (true);
create policy "the rotator removes authorizations that do not open"
on public.xero_authorizations for delete to ephraim_rotator
using (true);


-- what is still to be undone at Xero --------------------------------------------------------------

create table public.xero_leftovers (
    id uuid primary key default gen_random_uuid(),
    organization_id uuid not null references public.organizations (id),
    connection_id uuid,
    xero_client_id text not null,
    xero_client_secret text,
    xero_token_set text not null,
    created_at timestamptz not null default now(),
    attempts bigint not null default 0,
    tried_at timestamptz,
    last_error text,
    constraint xero_leftovers_client_secret_sealed
    check (xero_client_secret ~ '^seal:v1:[A-Za-z0-9_-]{43}:[A-Za-z0-9_-]+$'),
    constraint xero_leftovers_token_set_sealed
    check (xero_token_set ~ '^seal:v1:[A-Za-z0-9_-]{43}:[A-Za-z0-9_-]+$')
);
comment on table public.xero_leftovers
is 'Connections that are over here and not yet at Xero, with what it takes to end them there.';
comment on column public.xero_leftovers.connection_id
is 'Null if no tenant was chosen: then only the tokens are to be revoked.';
create index xero_leftovers_organization_id_idx on public.xero_leftovers (organization_id);

alter table public.xero_leftovers enable row level security;
revoke all on table public.xero_leftovers from public, anon, authenticated, service_role;
grant select, delete on table public.xero_leftovers to ephraim_sender;
grant insert (
    organization_id, connection_id, xero_client_id, xero_client_secret, xero_token_set
) on public.xero_leftovers to ephraim_sender;
grant update (xero_client_secret, xero_token_set, attempts, tried_at, last_error)
on public.xero_leftovers to ephraim_sender;

create policy "the sender reads every Xero leftover"
on public.xero_leftovers for select to ephraim_sender
using (true);
create policy "the sender adds Xero leftovers"
on public.xero_leftovers for insert to ephraim_sender
with check (true);
create policy "the sender retries Xero leftovers"
on public.xero_leftovers for update to ephraim_sender
using (true) with check (true);
create policy "the sender removes Xero leftovers"
on public.xero_leftovers for delete to ephraim_sender
using (true);

grant select (id, organization_id, xero_client_secret, xero_token_set)
on public.xero_leftovers to ephraim_rotator;
grant update (xero_client_secret, xero_token_set) on public.xero_leftovers to ephraim_rotator;
grant delete on table public.xero_leftovers to ephraim_rotator;
create policy "the rotator reads every leftover's envelopes"
on public.xero_leftovers for select to ephraim_rotator
using (true);
create policy "the rotator seals every leftover's secrets anew"
on public.xero_leftovers for update to ephraim_rotator
using (true) with check (true);
create policy "the rotator removes leftovers that do not open"
on public.xero_leftovers for delete to ephraim_rotator
using (true);


-- the organization tells the truth ----------------------------------------------------------------

create function private.tell_xero_connected()
returns trigger
language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
    if new.xero_token_set is null and old.xero_token_set is not null then
        new.xero_tenant_id := null;
    end if;
    if
        jsonb_typeof(new.settings) = 'object'
        and coalesce(jsonb_typeof(new.settings -> 'xero_connected'), 'boolean') = 'boolean'
        and coalesce(new.settings -> 'xero_connected', 'false')
        <> to_jsonb(new.xero_token_set is not null)
    then
        new.settings := jsonb_set(
            new.settings, '{xero_connected}', to_jsonb(new.xero_token_set is not null)
        );
    end if;
    return new;
end
$$;
comment on function private.tell_xero_connected()
is 'xero_connected follows the stored tokens in the same statement: nobody sets it, it cannot lie.';

-- Named to come after organizations_guard_credentials, which may clear the tokens, and
-- organizations_merge_settings: triggers fire in the order of their names.
create trigger organizations_tell_xero_connected before insert or update on public.organizations
for each row execute function private.tell_xero_connected();

create function private.leave_xero()
returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    insert into public.xero_leftovers (
        organization_id, connection_id, xero_client_id, xero_client_secret, xero_token_set
    )
    select
        old.id,
        c.connection_id,
        old.xero_client_id,
        old.xero_client_secret,
        old.xero_token_set
    from (select) as always
    left join public.xero_connections as c on c.organization_id = old.id
    where old.xero_client_id is not null;
    -- Whoever refreshes holds the row and waits for this one: do not wait for them, they will see.
    delete from public.xero_connections as c
    where c.organization_id in (
        select held.organization_id
        from public.xero_connections as held
        where held.organization_id = old.id
        for update skip locked
    );
    return null;
end
$$;
comment on function private.leave_xero()
is 'However the tokens go, by disconnecting or by another client id, Xero is to be told.';
revoke all on function private.tell_xero_connected(), private.leave_xero()
from public, anon, authenticated, service_role;

create trigger organizations_leave_xero after update on public.organizations
for each row when (old.xero_token_set is not null and new.xero_token_set is null)
execute function private.leave_xero();
