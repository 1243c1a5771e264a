-- What the settings page needs of the database: messages counted where they lie, and test messages
-- limited where every process sees them. Last, nothing to guess others' rows by, in any table.

set local lock_timeout = '5s';
set local statement_timeout = '60s';


-- messages per day --------------------------------------------------------------------------------

create function public.count_sms_outcomes(
    created_from timestamptz, created_before timestamptz, time_zone text
)
returns table (day date, status public.sms_status, messages bigint)
language sql stable security invoker set search_path = pg_catalog, pg_temp
as $$
    select
        (m.created_at at time zone count_sms_outcomes.time_zone)::date,
        m.status,
        count(*)
    from public.sms_logs as m
    where
        m.created_at >= count_sms_outcomes.created_from
        and m.created_at < count_sms_outcomes.created_before
    group by 1, 2
    order by 1, 2
$$;
comment on function public.count_sms_outcomes(timestamptz, timestamptz, text)
is 'Counts what the caller may read: security invoker, so row-level security applies.';
revoke all on function public.count_sms_outcomes(timestamptz, timestamptz, text)
from public, anon, authenticated, service_role;
grant execute on function public.count_sms_outcomes(timestamptz, timestamptz, text)
to authenticated;


-- few tests ---------------------------------------------------------------------------------------

create function private.limit_credential_tests()
returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
    -- One at a time for each organization, so that two who ask at once are both counted.
    perform pg_advisory_xact_lock(hashtextextended('credential_tests ' || new.organization_id, 0));
    if (
        select count(*)
        from public.credential_tests as t
        where
            t.organization_id = new.organization_id
            and t.provider = new.provider
            and t.created_at > now() - interval '10 minutes'
    ) > 5 then
        raise sqlstate 'PT429' using
            message = 'five tests in ten minutes are enough',
            hint = 'Wait ten minutes.';
    end if;
    return null;
end
$$;
comment on function private.limit_credential_tests()
is 'Every test costs money and reaches somebody''s phone. PostgREST answers PT429 as HTTP 429.';
revoke all on function private.limit_credential_tests()
from public, anon, authenticated, service_role;

-- After, when the policy has had its say: nobody learns how often another organization tests.
create trigger credential_tests_limit after insert on public.credential_tests
for each row execute function private.limit_credential_tests();


-- no statistics -----------------------------------------------------------------------------------
-- refuse_estimates() sees one Prefer header, and a request may carry two. So nothing is kept of
-- what rows say and whom they are about. Plans need the organizations, times, states and flags.

do $$
declare
    of_ours record;
begin
    for of_ours in
        select
            a.attrelid::regclass as relation,
            a.attname
        from pg_catalog.pg_attribute as a
        inner join pg_catalog.pg_type as t on a.atttypid = t.oid
        where
            a.attrelid = any (array[
                'public.organizations', 'public.profiles', 'public.workers',
                'public.participants', 'public.shifts', 'public.sms_logs',
                'public.sms_log_events', 'public.credential_events', 'public.credential_tests',
                'public.xero_connections', 'public.xero_authorizations', 'public.xero_leftovers'
            ]::regclass[])
            and a.attnum > 0
            and not a.attisdropped
            and a.attname <> 'organization_id'
            and t.typtype <> 'e'
            and t.oid not in ('boolean'::regtype, 'timestamptz'::regtype)
    loop
        execute format(
            'alter table %s alter column %I set statistics 0', of_ours.relation, of_ours.attname
        );
    end loop;
end
$$;
