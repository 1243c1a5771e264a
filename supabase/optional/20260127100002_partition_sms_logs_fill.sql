-- pg-delta: transaction=false
-- The second of three: takes as long as the table is large, and holds nobody up meanwhile.
-- It may be applied again if it was interrupted.
--
-- squawk-ignore-file ban-concurrent-index-creation-in-transaction, prefer-robust-stmts
-- squawk-ignore-file ban-drop-constraint, constraint-missing-not-valid

set lock_timeout = '5s';
set statement_timeout = 0;

-- Some megabytes at a time, so that nobody waits for a key longer than that takes.
do $$
declare
    at_once constant bigint := 4096;
    pages bigint := pg_relation_size('public.sms_logs') / current_setting('block_size')::bigint;
begin
    for page in 0..pages by at_once loop
        insert into private.sms_log_keys as k (
            organization_id, sms_log_id, created_at, idempotency_key, twilio_sid
        )
        select m.organization_id, m.id, m.created_at, m.idempotency_key, m.twilio_sid
        from public.sms_logs as m
        where
            m.ctid >= format('(%s,0)', page)::tid
            and m.ctid < format('(%s,0)', page + at_once)::tid
        on conflict (organization_id, sms_log_id) do nothing;
        commit;
    end loop;
end
$$;

do $$
begin
    if exists (
        select
        from public.sms_logs as m
        where
            not exists (
                select
                from private.sms_log_keys as k
                where k.organization_id = m.organization_id and k.sms_log_id = m.id
            )
    ) then
        raise exception 'sms_logs has messages whose keys are not in private.sms_log_keys'
            using hint = 'Apply this file again.';
    end if;
end
$$;

alter table public.sms_logs validate constraint sms_logs_before_months;

alter table public.sms_log_events drop constraint if exists sms_log_events_key_fkey;
alter table public.sms_log_events add constraint sms_log_events_key_fkey
foreign key (organization_id, sms_log_id)
references private.sms_log_keys (organization_id, sms_log_id) not valid;
alter table public.sms_log_events validate constraint sms_log_events_key_fkey;

drop index concurrently if exists public.sms_logs_id_created_at_idx;
create unique index concurrently sms_logs_id_created_at_idx on public.sms_logs (id, created_at);
drop index concurrently if exists public.sms_logs_organization_id_twilio_sid_idx;
create index concurrently sms_logs_organization_id_twilio_sid_idx
on public.sms_logs (organization_id, twilio_sid);
drop index concurrently if exists public.sms_logs_organization_id_idempotency_key_idx;
create index concurrently sms_logs_organization_id_idempotency_key_idx
on public.sms_logs (organization_id, idempotency_key);
