-- The first of three files that make sms_logs a table of monthly partitions: docs/scale.md.
-- Takes no lock for longer than a moment. From here on every message's keys are written down twice.
--
-- A unique key of a partitioned table holds created_at, so none can say that a message's
-- id, idempotency key and SID are there once. A narrow table beside it says so instead.

set local lock_timeout = '5s';
set local statement_timeout = '60s';

create table private.sms_log_keys (
    organization_id uuid not null,
    sms_log_id uuid not null,
    created_at timestamptz not null,
    idempotency_key text,
    twilio_sid text,
    primary key (organization_id, sms_log_id),
    constraint sms_logs_organization_id_idempotency_key_key
    unique (organization_id, idempotency_key),
    constraint sms_logs_organization_id_twilio_sid_key unique (organization_id, twilio_sid)
);
comment on table private.sms_log_keys
is 'What is unique about each message, of all months. It outlives the month; no role may read it.';
alter table private.sms_log_keys enable row level security;
revoke all on table private.sms_log_keys from public, anon, authenticated, service_role;

create function private.keep_sms_log_keys()
returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    insert into private.sms_log_keys as k (
        organization_id, sms_log_id, created_at, idempotency_key, twilio_sid
    ) values (new.organization_id, new.id, new.created_at, new.idempotency_key, new.twilio_sid)
    on conflict (organization_id, sms_log_id) do update set twilio_sid = excluded.twilio_sid
    where k.twilio_sid is distinct from excluded.twilio_sid;
    return null;
end
$$;
comment on function private.keep_sms_log_keys()
is 'Follows what the table has let pass. A SID that another message has is refused.';

create function private.claim_sms_log_keys()
returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    insert into private.sms_log_keys as k (
        organization_id, sms_log_id, created_at, idempotency_key, twilio_sid
    ) values (new.organization_id, new.id, new.created_at, new.idempotency_key, new.twilio_sid)
    on conflict (organization_id, idempotency_key) do nothing;
    if not found then
        return null;
    end if;
    return new;
end
$$;
comment on function private.claim_sms_log_keys()
is 'A key that was used sends no message: the row is left out, as by `on conflict do nothing`. Who
is writing the same key right now is waited for.';
revoke all on function private.keep_sms_log_keys(), private.claim_sms_log_keys()
from public, anon, authenticated, service_role;

-- On every update: one that moves a row to another page may hide it from the file that fills.
create trigger sms_logs_keep_keys after insert or update on public.sms_logs
for each row execute function private.keep_sms_log_keys();

-- Until then the table stays one, and the last of the three files has to be applied before.
do $$
declare
    ends timestamptz := date_trunc('month', now() + interval '1 month', 'UTC') + interval '1 month';
begin
    execute format(
        'alter table public.sms_logs '
        'add constraint sms_logs_before_months check (created_at < %L) not valid', ends
    );
end
$$;
