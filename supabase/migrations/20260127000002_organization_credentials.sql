-- Credentials that go in and never come out, who may be sent an SMS, and the log of what was sent.
-- A secret column holds an envelope sealed to the sender's key; no API role may select it.
--
-- The tables that are altered hold one row an organization or a member: to rewrite or to scan them
-- takes no time worth avoiding.
-- squawk-ignore-file adding-field-with-default, constraint-missing-not-valid

set local lock_timeout = '5s';
set local statement_timeout = '60s';


-- the key directory -------------------------------------------------------------------------------

create table public.sealing_keys (
    kid text primary key,
    x text not null,
    status text not null default 'pending',
    created_at timestamptz not null default now(),
    activated_at timestamptz,
    retired_at timestamptz,
    constraint sealing_keys_x_is_32_bytes check (x ~ '^[A-Za-z0-9_-]{43}$'),
    constraint sealing_keys_kid_is_thumbprint check (
        kid = translate(rtrim(encode(sha256(convert_to(
            format('{"crv":"X25519","kty":"OKP","x":"%s"}', x), 'UTF8'
        )), 'base64'), '='), '+/', '-_')
    ),
    constraint sealing_keys_status_known check (status in ('pending', 'active', 'retired'))
);
comment on table public.sealing_keys
is 'Public keys that secrets are sealed to. The private halves are with the sender, never here.';
comment on column public.sealing_keys.kid
is 'RFC 7638 thumbprint of the key; every envelope names it.';
comment on column public.sealing_keys.x is 'The X25519 point in base64url, as in a JWK (RFC 8037).';
create unique index sealing_keys_one_active on public.sealing_keys (status)
where status = 'active';

alter table public.sealing_keys enable row level security;
revoke all on table public.sealing_keys from public, anon, authenticated, service_role;
grant select on table public.sealing_keys to authenticated, service_role, ephraim_sender;

create policy "anyone signed in reads the public keys"
on public.sealing_keys for select to authenticated, ephraim_sender
using (true);
comment on policy "anyone signed in reads the public keys" on public.sealing_keys
is 'To seal, one needs the key. Keys come and go through the owner of the database only.';


-- credentials of an organization ------------------------------------------------------------------
alter table public.organizations
add column twilio_account_sid text,
add column twilio_auth_token text,
add column twilio_phone_number text,
add column xero_client_id text,
add column xero_client_secret text,
add column xero_tenant_id text,
add column xero_token_set text,
add column twilio_auth_token_set boolean not null
generated always as (twilio_auth_token is not null) stored,
add column xero_client_secret_set boolean not null
generated always as (xero_client_secret is not null) stored,
add column xero_token_set_set boolean not null
generated always as (xero_token_set is not null) stored,
add constraint organizations_twilio_account_sid_form
check (twilio_account_sid ~ '^AC[0-9a-fA-F]{32}$'),
add constraint organizations_twilio_auth_token_sealed
check (twilio_auth_token ~ '^seal:v1:[A-Za-z0-9_-]{43}:[A-Za-z0-9_-]+$'),
add constraint organizations_twilio_phone_number_e164
check (twilio_phone_number ~ '^\+[1-9][0-9]{6,14}$'),
add constraint organizations_xero_client_id_not_blank
check (btrim(xero_client_id) <> ''),
add constraint organizations_xero_client_id_length
check (length(xero_client_id) <= 200),
add constraint organizations_xero_client_secret_sealed
check (xero_client_secret ~ '^seal:v1:[A-Za-z0-9_-]{43}:[A-Za-z0-9_-]+$'),
add constraint organizations_xero_tenant_id_not_blank
check (btrim(xero_tenant_id) <> ''),
add constraint organizations_xero_tenant_id_length
check (length(xero_tenant_id) <= 200),
add constraint organizations_xero_token_set_sealed
check (xero_token_set ~ '^seal:v1:[A-Za-z0-9_-]{43}:[A-Za-z0-9_-]+$');

comment on column public.organizations.twilio_auth_token
is 'Sealed. Written by admins, read by the sender, selectable by no API role.';
comment on column public.organizations.xero_client_secret
is 'Sealed. Written by admins, read by the sender, selectable by no API role.';
comment on column public.organizations.xero_token_set
is 'Sealed. Written and read by the sender, selectable by no API role.';
comment on column public.organizations.twilio_auth_token_set
is 'Whether a secret is stored: granted apart from the secret itself.';

create function private.check_envelope(field text, envelope text)
returns void
language plpgsql strict security definer set search_path = pg_catalog, pg_temp
as $$
begin
    if envelope !~ '^seal:v1:[A-Za-z0-9_-]{43}:[A-Za-z0-9_-]+$' or length(envelope) > 32768 then
        raise exception '% takes a sealed envelope, never the secret itself', field
            using errcode = 'check_violation',
            hint = 'Seal it to the active key in sealing_keys; Client does.';
    end if;
    -- Locked, so that retiring a key waits for secrets on their way in.
    perform from public.sealing_keys as k
    where k.kid = split_part(envelope, ':', 3) and k.status <> 'retired'
    for share;
    if not found then
        raise exception '% is sealed to a key that is unknown or retired', field
            using errcode = 'check_violation',
            hint = 'Seal it anew to the active key in sealing_keys.';
    end if;
end
$$;
comment on function private.check_envelope(text, text)
is 'Refuses before a constraint would, whose message repeats what it refuses.';

create function private.guard_credentials()
returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    if new.twilio_auth_token is distinct from old.twilio_auth_token then
        perform private.check_envelope('twilio_auth_token', new.twilio_auth_token);
    elsif new.twilio_account_sid is distinct from old.twilio_account_sid then
        new.twilio_auth_token := null;
    end if;
    if new.xero_client_secret is distinct from old.xero_client_secret then
        perform private.check_envelope('xero_client_secret', new.xero_client_secret);
    elsif new.xero_client_id is distinct from old.xero_client_id then
        new.xero_client_secret := null;
    end if;
    if new.xero_token_set is distinct from old.xero_token_set then
        perform private.check_envelope('xero_token_set', new.xero_token_set);
    elsif new.xero_client_id is distinct from old.xero_client_id then
        new.xero_token_set := null;
    end if;
    return new;
end
$$;
comment on function private.guard_credentials()
is 'A secret belongs to the account it was entered for: another account id clears it.';

revoke all on function private.check_envelope(text, text), private.guard_credentials()
from public, anon, authenticated, service_role;

create trigger organizations_guard_credentials before insert or update on public.organizations
for each row execute function private.guard_credentials();

grant select (
    twilio_account_sid, twilio_auth_token_set, twilio_phone_number,
    xero_client_id, xero_client_secret_set, xero_tenant_id, xero_token_set_set
) on public.organizations to authenticated, service_role, ephraim_sender;
grant select (twilio_auth_token, xero_client_secret, xero_token_set)
on public.organizations to ephraim_sender;
grant update (
    twilio_account_sid, twilio_auth_token, twilio_phone_number, xero_client_id, xero_client_secret
) on public.organizations to authenticated;
grant update (xero_token_set, xero_tenant_id) on public.organizations to ephraim_sender;

create policy "the sender keeps every organization's Xero connection"
on public.organizations for update to ephraim_sender
using (true) with check (true);
comment on policy "the sender keeps every organization's Xero connection" on public.organizations
is 'Column grants hold it to xero_token_set and xero_tenant_id.';


-- who may be sent an SMS --------------------------------------------------------------------------

alter table public.profiles
add column phone text,
add column sms_notifications_enabled boolean not null default true,
add constraint profiles_phone_e164 check (phone ~ '^\+[1-9][0-9]{6,14}$');
comment on column public.profiles.phone is 'E.164: a plus, the country, the number.';

grant update (phone, sms_notifications_enabled) on public.profiles to authenticated, service_role;
grant insert (phone, sms_notifications_enabled) on public.profiles to service_role;
grant select (id, organization_id, phone, sms_notifications_enabled)
on public.profiles to ephraim_sender;

create policy "the sender reads every profile's phone"
on public.profiles for select to ephraim_sender
using (true);
comment on policy "the sender reads every profile's phone" on public.profiles
is 'Column grants hold it to the number and whether it may be used.';


-- what was sent -----------------------------------------------------------------------------------

create type public.sms_status as enum (
    'pending', 'unknown', 'accepted', 'scheduled', 'queued', 'sending', 'sent',
    'receiving', 'received', 'delivered', 'partially_delivered', 'undelivered', 'failed',
    'canceled', 'read'
);
comment on type public.sms_status
is 'Twilio''s own, with pending (not yet handed to Twilio) and unknown (Twilio gave no answer).';

create table public.sms_logs (
    id uuid primary key default gen_random_uuid(),
    organization_id uuid not null references public.organizations (id),
    to_phone text not null,
    message_body text not null,
    twilio_sid text,
    status public.sms_status not null default 'pending',
    -- squawk-ignore prefer-bigint-over-int
    error_code integer,
    error_message text,
    related_shift_id uuid,
    related_worker_id uuid,
    related_participant_id uuid,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    sent_at timestamptz,
    delivered_at timestamptz,
    failed_at timestamptz,
    constraint sms_logs_to_phone_e164 check (to_phone ~ '^\+[1-9][0-9]{6,14}$'),
    constraint sms_logs_message_body_length check (
        btrim(message_body) <> '' and length(message_body) <= 1600
    ),
    constraint sms_logs_organization_id_twilio_sid_key unique (organization_id, twilio_sid),
    constraint sms_logs_twilio_sid_form check (twilio_sid ~ '^(SM|MM)[0-9a-fA-F]{32}$'),
    constraint sms_logs_one_recipient check (
        num_nonnulls(related_worker_id, related_participant_id) <= 1
    ),
    constraint sms_logs_shift_fkey foreign key (organization_id, related_shift_id)
    references public.shifts (organization_id, id),
    constraint sms_logs_worker_fkey foreign key (organization_id, related_worker_id)
    references public.workers (organization_id, id),
    constraint sms_logs_participant_fkey foreign key (organization_id, related_participant_id)
    references public.participants (organization_id, id)
);
comment on table public.sms_logs
is 'Every SMS, append-only. What it is about cannot be deleted while the log speaks of it.';
comment on column public.sms_logs.related_worker_id
is 'The worker it was sent to. A message has one recipient: this, a participant, or neither.';
comment on column public.sms_logs.related_participant_id
is 'The participant it was sent to, who may read it.';
comment on column public.sms_logs.message_body is 'At most 1600 characters, as Twilio takes.';

create index sms_logs_organization_id_created_at_id_idx
on public.sms_logs (organization_id, created_at desc, id desc);
create index sms_logs_organization_id_related_shift_id_idx
on public.sms_logs (organization_id, related_shift_id);
create index sms_logs_organization_id_related_worker_id_idx
on public.sms_logs (organization_id, related_worker_id);
create index sms_logs_organization_id_related_participant_id_idx
on public.sms_logs (organization_id, related_participant_id);

create function private.sms_status_rank(status public.sms_status)
returns integer
language plpgsql immutable set search_path = pg_catalog, pg_temp
as $$
begin
    return case sms_status_rank.status
        when 'pending' then 0
        when 'unknown' then 1
        when 'accepted' then 2
        when 'scheduled' then 2
        when 'queued' then 3
        when 'receiving' then 3
        when 'sending' then 4
        when 'sent' then 5
        when 'partially_delivered' then 6
        when 'read' then 8
        else 7
    end;
end
$$;
comment on function private.sms_status_rank(public.sms_status)
is 'How far a message has come: 7 and 8 are ends, of which only delivered goes on, to read.';

create function private.guard_sms_log()
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
        or (old.twilio_sid is not null and new.twilio_sid is distinct from old.twilio_sid)
    then
        raise exception 'sms_logs: what was sent, to whom and about what never changes'
            using errcode = 'insufficient_privilege';
    end if;
    if
        new.status <> old.status
        and (
            private.sms_status_rank(new.status) <= private.sms_status_rank(old.status)
            or (new.status = 'read' and private.sms_status_rank(old.status) = 7
                and old.status <> 'delivered')
        )
    then
        raise exception 'sms_logs: % does not go back to %', old.status, new.status
            using errcode = 'check_violation';
    end if;
    return new;
end
$$;
comment on function private.guard_sms_log()
is 'What grants cannot say: a status only goes forward, and the log is not edited. It binds the
owner too, who would have to disable it.';
revoke all on function private.sms_status_rank(public.sms_status), private.guard_sms_log()
from public, anon, authenticated, service_role;

create trigger sms_logs_guard before update or delete on public.sms_logs
for each row execute function private.guard_sms_log();
create trigger sms_logs_guard_truncate before truncate on public.sms_logs
for each statement execute function private.guard_sms_log();
create trigger sms_logs_set_updated_at before update on public.sms_logs
for each row execute function private.set_updated_at();

create function private.is_staff()
returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
    select (select private.organization_id_as('admin', 'coordinator', 'worker')) is not null
$$;
comment on function private.is_staff() is 'Whether the signed-in, active member is staff.';
revoke all on function private.is_staff() from public, anon, authenticated, service_role;
grant execute on function private.is_staff() to authenticated;

alter table public.sms_logs enable row level security;
revoke all on table public.sms_logs from public, anon, authenticated, service_role;
grant select on table public.sms_logs to authenticated, service_role, ephraim_sender;
grant insert (
    organization_id, to_phone, message_body,
    related_shift_id, related_worker_id, related_participant_id
) on public.sms_logs to ephraim_sender;
grant update (
    twilio_sid, status, error_code, error_message, sent_at, delivered_at, failed_at
) on public.sms_logs to ephraim_sender;

create policy "staff read their organization's messages, participants theirs"
on public.sms_logs for select to authenticated
using (
    organization_id = (select private.member_organization_id())
    and (
        (select private.is_staff())
        or related_participant_id = (select private.own_participant_id())
    )
);
comment on policy "staff read their organization's messages, participants theirs"
on public.sms_logs
is 'The organization comes first, so that the newest page is read off one index.';

create policy "the sender reads every message"
on public.sms_logs for select to ephraim_sender
using (true);
create policy "the sender adds messages"
on public.sms_logs for insert to ephraim_sender
with check (true);
create policy "the sender advances messages"
on public.sms_logs for update to ephraim_sender
using (true) with check (true);
comment on policy "the sender advances messages" on public.sms_logs
is 'Column grants leave out what was sent; the trigger lets a status go forward only.';
