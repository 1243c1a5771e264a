-- What became of each message, who touched which credential, and what the sender needs to send.
-- Both records are append-only for everyone; the owner would have to disable a trigger.
--
-- sms_logs is new, so to lock it while its indexes are built takes no time worth avoiding.
-- squawk-ignore-file constraint-missing-not-valid, disallowed-unique-constraint
-- squawk-ignore-file require-concurrent-index-creation

set local lock_timeout = '5s';
set local statement_timeout = '60s';

create function private.refuse_change()
returns trigger
language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
    raise exception '% is append-only', tg_table_name
        using errcode = 'insufficient_privilege';
end
$$;
revoke all on function private.refuse_change() from public, anon, authenticated, service_role;


-- one key, one message ----------------------------------------------------------------------------

alter table public.sms_logs
add column idempotency_key text,
add constraint sms_logs_idempotency_key_length check (
    btrim(idempotency_key) <> '' and length(idempotency_key) <= 255
),
add constraint sms_logs_organization_id_idempotency_key_key
unique (organization_id, idempotency_key),
add constraint sms_logs_organization_id_id_key unique (organization_id, id);
comment on column public.sms_logs.idempotency_key
is 'Named by whoever sends: within an organization a key sends one message, however often asked.';
grant insert (idempotency_key) on public.sms_logs to ephraim_sender;

-- Few messages stay without a SID: those Twilio refused, and those nobody heard of again.
create index sms_logs_without_sid_idx on public.sms_logs (organization_id, created_at)
where twilio_sid is null;

create function private.sms_status_follows(earlier public.sms_status, later public.sms_status)
returns boolean
language plpgsql immutable set search_path = pg_catalog, pg_temp
as $$
declare
    reached integer := private.sms_status_rank(sms_status_follows.earlier);
begin
    return
        private.sms_status_rank(sms_status_follows.later) > reached
        and (
            sms_status_follows.later <> 'read'
            or sms_status_follows.earlier = 'delivered'
            or reached < 7
        );
end
$$;
comment on function private.sms_status_follows(public.sms_status, public.sms_status)
is 'The one rule of the log: a status goes forward. Callbacks come twice and out of order.';

create or replace function private.guard_sms_log()
returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    if tg_op <> 'UPDATE' then
        raise exception 'sms_logs is append-only'
            using errcode = 'insufficient_privilege';
    end if;
    if
        (new.id, new.organization_id, new.to_phone, new.message_body, new.created_at)
        is distinct from
        (old.id, old.organization_id, old.to_phone, old.message_body, old.created_at)
        or (new.related_shift_id, new.related_worker_id, new.related_participant_id)
        is distinct from
        (old.related_shift_id, old.related_worker_id, old.related_participant_id)
        or new.idempotency_key is distinct from old.idempotency_key
        or (old.twilio_sid is not null and new.twilio_sid is distinct from old.twilio_sid)
    then
        raise exception 'sms_logs: what was sent, to whom and about what never changes'
            using errcode = 'insufficient_privilege';
    end if;
    if new.status <> old.status and not private.sms_status_follows(old.status, new.status) then
        raise exception 'sms_logs: % does not go back to %', old.status, new.status
            using errcode = 'check_violation';
    end if;
    if
        new.status = old.status
        and (new.error_code, new.error_message, new.sent_at, new.delivered_at, new.failed_at)
        is distinct from
        (old.error_code, old.error_message, old.sent_at, old.delivered_at, old.failed_at)
    then
        raise exception 'sms_logs: what became of a message changes with its status only'
            using errcode = 'insufficient_privilege';
    end if;
    return new;
end
$$;

revoke all on function private.sms_status_follows(public.sms_status, public.sms_status)
from public, anon, authenticated, service_role;
grant usage on schema private to ephraim_sender;
grant execute on function
private.sms_status_rank(public.sms_status),
private.sms_status_follows(public.sms_status, public.sms_status)
to ephraim_sender;


create function private.write_sms_log(
    organization_id uuid,
    to_phone text,
    message_body text,
    idempotency_key text,
    related_shift_id uuid,
    related_worker_id uuid,
    related_participant_id uuid
)
returns setof public.sms_logs
language plpgsql set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
    return query
    insert into public.sms_logs as m (
        organization_id, to_phone, message_body, idempotency_key,
        related_shift_id, related_worker_id, related_participant_id
    )
    select
        write_sms_log.organization_id,
        write_sms_log.to_phone,
        write_sms_log.message_body,
        write_sms_log.idempotency_key,
        write_sms_log.related_shift_id,
        write_sms_log.related_worker_id,
        write_sms_log.related_participant_id
    where not exists (
        select
        from public.profiles as p
        where
            not p.sms_notifications_enabled
            and p.id in (
                select w.profile_id
                from public.workers as w
                where
                    w.organization_id = write_sms_log.organization_id
                    and w.id = write_sms_log.related_worker_id
                union all
                select q.profile_id
                from public.participants as q
                where
                    q.organization_id = write_sms_log.organization_id
                    and q.id = write_sms_log.related_participant_id
            )
    )
    on conflict (organization_id, idempotency_key) do nothing
    returning
        m.id, m.organization_id, m.to_phone, m.message_body, m.twilio_sid, m.status,
        m.error_code, m.error_message, m.related_shift_id, m.related_worker_id,
        m.related_participant_id, m.created_at, m.updated_at, m.sent_at, m.delivered_at,
        m.failed_at, m.idempotency_key;
end
$$;
comment on function private.write_sms_log(uuid, text, text, text, uuid, uuid, uuid)
is 'Writes a message down as pending, as whoever calls. Nothing comes back if the key was used, or
the recipient has switched SMS off. A function keeps its plans; no statement is prepared.';
revoke all on function private.write_sms_log(uuid, text, text, text, uuid, uuid, uuid)
from public, anon, authenticated, service_role;
grant execute on function private.write_sms_log(uuid, text, text, text, uuid, uuid, uuid)
to ephraim_sender;


-- what became of a message ------------------------------------------------------------------------

create table public.sms_log_events (
    id bigint generated always as identity primary key,
    organization_id uuid not null references public.organizations (id),
    sms_log_id uuid,
    twilio_sid text,
    source text not null,
    status text,
    -- squawk-ignore prefer-bigint-over-int
    error_code integer,
    note text,
    moved boolean not null,
    created_at timestamptz not null default now(),
    constraint sms_log_events_source_known check (
        source in ('answer', 'callback', 'reconcile', 'opt_out')
    ),
    constraint sms_log_events_twilio_sid_length check (length(twilio_sid) <= 64),
    constraint sms_log_events_status_length check (length(status) <= 64),
    constraint sms_log_events_note_length check (length(note) <= 1000),
    constraint sms_log_events_message_fkey foreign key (organization_id, sms_log_id)
    references public.sms_logs (organization_id, id)
);
comment on table public.sms_log_events
is 'Each thing heard about a message, in order of arrival: duplicates and latecomers too.';
comment on column public.sms_log_events.sms_log_id
is 'Null where Twilio speaks of a message this log does not hold.';
comment on column public.sms_log_events.status
is 'In Twilio''s words, which may be newer than public.sms_status.';
comment on column public.sms_log_events.moved
is 'Whether it moved the message''s status on.';
create index sms_log_events_organization_id_sms_log_id_idx
on public.sms_log_events (organization_id, sms_log_id);

create trigger sms_log_events_refuse_change before update or delete on public.sms_log_events
for each row execute function private.refuse_change();
create trigger sms_log_events_refuse_truncate before truncate on public.sms_log_events
for each statement execute function private.refuse_change();

alter table public.sms_log_events enable row level security;
revoke all on table public.sms_log_events from public, anon, authenticated, service_role;
revoke all on sequence public.sms_log_events_id_seq
from public, anon, authenticated, service_role;
grant select on table public.sms_log_events to authenticated, service_role, ephraim_sender;
grant insert (
    organization_id, sms_log_id, twilio_sid, source, status, error_code, note, moved
) on public.sms_log_events to ephraim_sender;

create policy "staff read their organization's events, participants theirs"
on public.sms_log_events for select to authenticated
using (
    organization_id = (select private.member_organization_id())
    and (
        (select private.is_staff())
        or exists (
            select
            from public.sms_logs as m
            where
                m.id = sms_log_events.sms_log_id
                and m.related_participant_id = (select private.own_participant_id())
        )
    )
);
comment on policy "staff read their organization's events, participants theirs"
on public.sms_log_events
is 'Whoever reads a message reads what became of it.';
create policy "the sender reads every event"
on public.sms_log_events for select to ephraim_sender
using (true);
create policy "the sender adds events"
on public.sms_log_events for insert to ephraim_sender
with check (true);

create function private.advance_sms_log(
    organization_id uuid,
    sms_log_id uuid,
    twilio_sid text,
    source text,
    status text,
    error_code integer default null,
    error_message text default null
)
returns setof public.sms_logs
language plpgsql set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    message record;
    heard public.sms_status := case
        when advance_sms_log.status = any (enum_range(null::public.sms_status)::text[])
            then advance_sms_log.status::public.sms_status
    end;
    moved boolean := false;
    switched_off integer;
begin
    select m.id, m.status, m.to_phone
    into message
    from public.sms_logs as m
    where
        m.organization_id = advance_sms_log.organization_id
        and (
            m.twilio_sid = advance_sms_log.twilio_sid
            or (
                m.id = advance_sms_log.sms_log_id
                and (m.twilio_sid is null or advance_sms_log.twilio_sid is null)
            )
        )
    for no key update;

    if message.id is not null then
        moved := heard is not null and private.sms_status_follows(message.status, heard);
        return query
        update public.sms_logs as m
        set
            twilio_sid = coalesce(m.twilio_sid, advance_sms_log.twilio_sid),
            status = case when moved then heard else m.status end,
            error_code = case when moved then advance_sms_log.error_code else m.error_code end,
            error_message = case
                when moved then advance_sms_log.error_message else m.error_message
            end,
            sent_at = case
                when moved and heard in ('sent', 'delivered', 'read')
                    then coalesce(m.sent_at, now())
                else m.sent_at
            end,
            delivered_at = case
                when moved and heard in ('delivered', 'read')
                    then coalesce(m.delivered_at, now())
                else m.delivered_at
            end,
            failed_at = case
                when moved and heard in ('undelivered', 'failed', 'canceled') then now()
                else m.failed_at
            end
        where m.id = message.id
        returning
            m.id, m.organization_id, m.to_phone, m.message_body, m.twilio_sid, m.status,
            m.error_code, m.error_message, m.related_shift_id, m.related_worker_id,
            m.related_participant_id, m.created_at, m.updated_at, m.sent_at, m.delivered_at,
            m.failed_at, m.idempotency_key;
    end if;

    insert into public.sms_log_events (
        organization_id, sms_log_id, twilio_sid, source, status, error_code, note, moved
    ) values (
        advance_sms_log.organization_id, message.id, advance_sms_log.twilio_sid,
        advance_sms_log.source, advance_sms_log.status, advance_sms_log.error_code,
        advance_sms_log.error_message, moved
    );

    if message.id is not null and advance_sms_log.error_code = 21610 then
        update public.profiles as p
        set sms_notifications_enabled = false
        where
            p.organization_id = advance_sms_log.organization_id
            and p.phone = message.to_phone
            and p.sms_notifications_enabled;
        get diagnostics switched_off = row_count;
        insert into public.sms_log_events (
            organization_id, sms_log_id, twilio_sid, source, error_code, note, moved
        ) values (
            advance_sms_log.organization_id, message.id, advance_sms_log.twilio_sid,
            'opt_out', 21610,
            format('Replied STOP: SMS switched off for %s member(s) with this number', switched_off),
            false
        );
    end if;
end
$$;
comment on function private.advance_sms_log(uuid, uuid, text, text, text, integer, text)
is 'Writes down what Twilio said of a message and moves it forward, as whoever calls. By SID, or
by id while no SID is known; of a message this log does not hold, only the event is kept.';
revoke all on function private.advance_sms_log(uuid, uuid, text, text, text, integer, text)
from public, anon, authenticated, service_role;
grant execute on function
private.advance_sms_log(uuid, uuid, text, text, text, integer, text) to ephraim_sender;


-- who touched which credential --------------------------------------------------------------------

create table public.credential_events (
    id bigint generated always as identity primary key,
    organization_id uuid not null references public.organizations (id),
    provider text not null,
    field text,
    event text not null,
    kid text,
    actor_role text not null,
    actor_id uuid,
    created_at timestamptz not null default now(),
    constraint credential_events_provider_known check (provider in ('twilio', 'xero')),
    constraint credential_events_event_known check (
        event in ('set', 'cleared', 'rotated', 'connected', 'tested')
    )
);
comment on table public.credential_events
is 'Who did what to which credential. No values, and no grant to write: triggers do.';
comment on column public.credential_events.kid
is 'The key a secret is now sealed to; rotated says that only this changed.';
comment on column public.credential_events.actor_id
is 'The signed-in user; for a service, whom it says it acts for in ephraim_db.on_behalf_of.';
create index credential_events_organization_id_created_at_id_idx
on public.credential_events (organization_id, created_at desc, id desc);

create trigger credential_events_refuse_change before update or delete on public.credential_events
for each row execute function private.refuse_change();
create trigger credential_events_refuse_truncate before truncate on public.credential_events
for each statement execute function private.refuse_change();

create function private.acting_role()
returns text
language sql stable set search_path = pg_catalog, pg_temp
as $$
    select coalesce(nullif(current_setting('role'), 'none'), session_user::text)
$$;
comment on function private.acting_role()
is 'Who asked, also inside a security definer function, where current_user is its owner.';

create function private.record_credential_change()
returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
    acting text := private.acting_role();
    acting_id uuid := case
        when acting = 'authenticated' then auth.uid()
        else nullif(current_setting('ephraim_db.on_behalf_of', true), '')::uuid
    end;
    is_sender boolean := pg_has_role(acting, 'ephraim_sender', 'member')
        and not pg_has_role(acting, 'pg_database_owner', 'member');
begin
    insert into public.credential_events (
        organization_id, provider, field, event, kid, actor_role, actor_id
    )
    select
        new.id,
        split_part(c.field, '_', 1),
        c.field,
        e.event,
        k.kid,
        acting,
        acting_id
    from (
        values
        ('twilio_account_sid', old.twilio_account_sid, new.twilio_account_sid),
        ('twilio_auth_token', old.twilio_auth_token, new.twilio_auth_token),
        ('twilio_phone_number', old.twilio_phone_number, new.twilio_phone_number),
        ('xero_client_id', old.xero_client_id, new.xero_client_id),
        ('xero_client_secret', old.xero_client_secret, new.xero_client_secret),
        ('xero_tenant_id', old.xero_tenant_id, new.xero_tenant_id),
        ('xero_token_set', old.xero_token_set, new.xero_token_set)
    ) as c (field, before, now)
    cross join lateral (
        select
            case when c.now like 'seal:%' then split_part(c.now, ':', 3) end as kid,
            case when c.before like 'seal:%' then split_part(c.before, ':', 3) end as old_kid
    ) as k
    cross join lateral (
        select
            case
                when c.now is null then 'cleared'
                when c.before is null and c.field = 'xero_token_set' then 'connected'
                when k.kid <> k.old_kid and acting <> 'authenticated' then 'rotated'
                when c.field = 'xero_token_set' and is_sender then 'refreshed'
                else 'set'
            end as event
    ) as e
    where c.before is distinct from c.now and e.event <> 'refreshed';
    return null;
end
$$;
comment on function private.record_credential_change()
is 'That the sender refreshes Xero''s tokens every half hour is no news; that others do, is.';

create trigger organizations_record_credential_change
after insert or update of
twilio_account_sid, twilio_auth_token, twilio_phone_number,
xero_client_id, xero_client_secret, xero_tenant_id, xero_token_set
on public.organizations
for each row execute function private.record_credential_change();

alter table public.credential_events enable row level security;
revoke all on table public.credential_events from public, anon, authenticated, service_role;
revoke all on sequence public.credential_events_id_seq
from public, anon, authenticated, service_role;
grant select on table public.credential_events to authenticated, service_role;
grant select (organization_id, field, event, created_at) on public.credential_events
to ephraim_sender;

create policy "admins read their organization's credential events"
on public.credential_events for select to authenticated
using (organization_id = (select private.organization_id_as('admin')));
create policy "the sender reads when each credential changed"
on public.credential_events for select to ephraim_sender
using (true);
comment on policy "the sender reads when each credential changed" on public.credential_events
is 'A message sent from one Twilio account cannot be asked about at another.';


-- testing a credential ----------------------------------------------------------------------------

create table public.credential_tests (
    id uuid primary key default gen_random_uuid(),
    organization_id uuid not null references public.organizations (id),
    provider text not null,
    requested_by uuid not null default auth.uid(),
    created_at timestamptz not null default now(),
    used_at timestamptz,
    constraint credential_tests_provider_known check (provider in ('twilio', 'xero'))
);
comment on table public.credential_tests
is 'An admin''s wish to test a credential, which the sender grants once, soon after.';
comment on column public.credential_tests.requested_by
is 'Whoever is signed in. No role may write it.';
create index credential_tests_organization_id_created_at_idx
on public.credential_tests (organization_id, created_at desc, id desc);

create function private.use_credential_test()
returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    if old.used_at is not null then
        raise exception 'credential_tests: a test is used once'
            using errcode = 'check_violation';
    end if;
    new.used_at := now();
    insert into public.credential_events (
        organization_id, provider, event, actor_role, actor_id
    ) values (new.organization_id, new.provider, 'tested', private.acting_role(), new.requested_by);
    return new;
end
$$;
comment on function private.use_credential_test()
is 'Names the admin who asked, whom the sender cannot choose.';

create trigger credential_tests_use before update on public.credential_tests
for each row execute function private.use_credential_test();
create trigger credential_tests_refuse_delete before delete on public.credential_tests
for each row execute function private.refuse_change();
create trigger credential_tests_refuse_truncate before truncate on public.credential_tests
for each statement execute function private.refuse_change();

revoke all on function
private.acting_role(), private.record_credential_change(), private.use_credential_test()
from public, anon, authenticated, service_role;

alter table public.credential_tests enable row level security;
revoke all on table public.credential_tests from public, anon, authenticated, service_role;
grant select on table public.credential_tests to authenticated, service_role, ephraim_sender;
grant insert (organization_id, provider) on public.credential_tests to authenticated;
grant update (used_at) on public.credential_tests to ephraim_sender;

create policy "admins read their organization's tests"
on public.credential_tests for select to authenticated
using (organization_id = (select private.organization_id_as('admin')));
create policy "admins ask to test their organization's credentials"
on public.credential_tests for insert to authenticated
with check (organization_id = (select private.organization_id_as('admin')));
comment on policy "admins ask to test their organization's credentials"
on public.credential_tests
is 'The sender sends only what a row here asks for, so this check is the database''s own.';
create policy "the sender reads every test"
on public.credential_tests for select to ephraim_sender
using (true);
create policy "the sender uses every test"
on public.credential_tests for update to ephraim_sender
using (true) with check (true);


-- whom a message is for ---------------------------------------------------------------------------

grant select (id, organization_id, profile_id) on public.workers to ephraim_sender;
grant select (id, organization_id, profile_id) on public.participants to ephraim_sender;
grant update (sms_notifications_enabled) on public.profiles to ephraim_sender;

create policy "the sender reads who each worker is"
on public.workers for select to ephraim_sender
using (true);
create policy "the sender reads who each participant is"
on public.participants for select to ephraim_sender
using (true);
create policy "the sender switches off SMS for those who replied STOP"
on public.profiles for update to ephraim_sender
using (true) with check (not sms_notifications_enabled);
comment on policy "the sender switches off SMS for those who replied STOP" on public.profiles
is 'Off only: to be sent SMS again is the member''s own choice, or their admin''s.';
