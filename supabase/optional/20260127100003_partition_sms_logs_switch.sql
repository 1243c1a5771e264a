-- The last of three: a new sms_logs takes the place of the old, which becomes its first partition.
-- Nothing is read or copied: it holds the table for some milliseconds, or gives up after 5 seconds.
--
-- private.sms_logs_first, private.sms_logs_2027_01, ..._2027_02, ... --> public.sms_logs
--
-- Partitions live where no role of the API may go, with row security, no policy and no grant. What
-- guards sms_logs is copied as it is found: grants, policies, triggers, foreign keys, indexes,
-- comments, and which columns have no statistics.
--
-- squawk-ignore-file ban-drop-constraint, renaming-object

set local lock_timeout = '5s';
set local statement_timeout = '60s';
set local search_path = pg_catalog;

-- In the order in which the sender takes them. (In a block, because the CLI begins no transaction.)
do $$
begin
    lock table public.sms_logs, public.sms_log_events in access exclusive mode;
end
$$;

alter table public.sms_log_events drop constraint sms_log_events_message_fkey;
alter table public.sms_log_events
rename constraint sms_log_events_key_fkey to sms_log_events_message_fkey;

do $$
declare
    old constant regclass := 'public.sms_logs';
    ends timestamptz := (
        select substring(pg_get_constraintdef(c.oid) from '''(.*)''')
        from pg_constraint as c
        where c.conrelid = old and c.conname = 'sms_logs_before_months' and c.convalidated
    );
    -- What is read of the old table before it has another name, to be said of the new one.
    before text[] := (
        select array_agg(format('drop policy %I on %s', p.polname, p.polrelid::regclass))
        from pg_policy as p
        where
            p.polrelid = old
            or exists (
                select
                from pg_depend as d
                where
                    d.classid = 'pg_policy'::regclass
                    and d.objid = p.oid
                    and d.refclassid = 'pg_class'::regclass
                    and d.refobjid = old
            )
    ) || (
        select array_agg(format('drop trigger %I on public.sms_logs', t.tgname))
        from pg_trigger as t
        where t.tgrelid = old and not t.tgisinternal and t.tgtype & 1 = 1
    ) || (
        select array_agg(format('alter table public.sms_logs drop constraint %I', c.conname))
        from pg_constraint as c
        where c.conrelid = old and c.contype in ('p', 'u')
    );
    guards text[] := (
        select array_agg(
            format(
                'create policy %I on %s as %s for %s to %s',
                p.polname,
                p.polrelid::regclass,
                case when p.polpermissive then 'permissive' else 'restrictive' end,
                case p.polcmd
                    when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update'
                    when 'd' then 'delete' else 'all'
                end,
                (
                    select string_agg(
                        case when r.role = 0 then 'public' else r.role::regrole::text end, ', '
                    )
                    from unnest(p.polroles) as r (role)
                )
            )
            || coalesce(' using (' || pg_get_expr(p.polqual, p.polrelid) || ')', '')
            || coalesce(' with check (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')', '')
        )
        from pg_policy as p
        where format('drop policy %I on %s', p.polname, p.polrelid::regclass) = any (before)
    ) || (
        select array_agg(
            format(
                'comment on policy %I on %s is %L',
                p.polname, p.polrelid::regclass, obj_description(p.oid, 'pg_policy')
            )
        )
        from pg_policy as p
        where
            format('drop policy %I on %s', p.polname, p.polrelid::regclass) = any (before)
            and obj_description(p.oid, 'pg_policy') is not null
    ) || (
        select array_agg(pg_get_triggerdef(t.oid))
        from pg_trigger as t
        where t.tgrelid = old and not t.tgisinternal and t.tgname <> 'sms_logs_keep_keys'
    ) || (
        select array_agg(
            format(
                'alter table public.sms_logs add constraint %I %s',
                c.conname, pg_get_constraintdef(c.oid)
            )
        )
        from pg_constraint as c
        where c.conrelid = old and c.contype = 'f'
    ) || (
        select array_agg(pg_get_indexdef(i.indexrelid))
        from pg_index as i
        where i.indrelid = old and not i.indisunique
    ) || (
        select array_agg(
            format('grant %s on public.sms_logs to %s', a.privilege_type, a.grantee::regrole)
        )
        from pg_class as c
        cross join aclexplode(c.relacl) as a
        where c.oid = old and a.grantee <> c.relowner
    ) || (
        select array_agg(
            format(
                'grant %s (%I) on public.sms_logs to %s',
                a.privilege_type, c.attname, a.grantee::regrole
            )
        )
        from pg_attribute as c
        cross join aclexplode(c.attacl) as a
        where c.attrelid = old
    ) || (
        select array_agg(
            format('alter table public.sms_logs alter column %I set statistics 0', c.attname)
        )
        from pg_attribute as c
        where c.attrelid = old and c.attstattarget = 0 and not c.attisdropped
    ) || format('comment on table public.sms_logs is %L', obj_description(old, 'pg_class'));
    statement text;
begin
    if ends is null or ends <= now() then
        raise exception 'sms_logs is not ready to be one partition of many'
            using hint = 'Apply the file that fills private.sms_log_keys first.';
    end if;
    if exists (
        select
        from pg_depend as d
        where
            d.refclassid = 'pg_class'::regclass
            and d.refobjid = old
            and d.classid in ('pg_rewrite'::regclass, 'pg_publication_rel'::regclass)
    ) then
        raise exception 'a view or a publication has sms_logs, and would keep its first partition'
            using hint = 'Drop it, apply this file, and create it again.';
    end if;

    foreach statement in array before loop
        execute statement;
    end loop;
    alter table public.sms_logs rename to sms_logs_first;
    alter table public.sms_logs_first set schema private;
    alter table private.sms_logs_first
    add constraint sms_logs_pkey primary key using index sms_logs_id_created_at_idx;
    revoke all on table private.sms_logs_first
    from public, anon, authenticated, service_role, ephraim_sender;

    create table public.sms_logs (
        like private.sms_logs_first
        including comments including constraints including defaults including storage,
        primary key (id, created_at)
    ) partition by range (created_at);
    alter table public.sms_logs drop constraint sms_logs_before_months;
    alter table public.sms_logs enable row level security;
    revoke all on table public.sms_logs from public, anon, authenticated, service_role;
    foreach statement in array guards loop
        execute statement;
    end loop;
    create trigger sms_logs_claim_keys before insert on public.sms_logs
    for each row execute function private.claim_sms_log_keys();
    create trigger sms_logs_keep_keys after update on public.sms_logs
    for each row when (old.twilio_sid is distinct from new.twilio_sid)
    execute function private.keep_sms_log_keys();
    execute format(
        'alter table public.sms_logs attach partition private.sms_logs_first '
        'for values from (minvalue) to (%L)', ends
    );
end
$$;


-- months ------------------------------------------------------------------------------------------

create view private.sms_log_months with (security_invoker = true) as
select
    i.inhrelid::regclass as name,
    nullif(m.bounds[1], 'MINVALUE')::timestamptz as begins_at,
    m.bounds[2]::timestamptz as ends_at
from pg_inherits as i
inner join pg_class as c on i.inhrelid = c.oid
cross join
    regexp_match(
        pg_get_expr(c.relpartbound, c.oid), $re$FROM \('?([^')]+)'?\) TO \('([^']+)'\)$re$
    ) as m (bounds)
where i.inhparent = 'public.sms_logs'::regclass;
comment on view private.sms_log_months is 'The partitions of sms_logs: those that may be detached.';
revoke all on table private.sms_log_months from public, anon, authenticated, service_role;

create function private.add_sms_log_months(ahead integer default 12)
returns setof regclass
language plpgsql set search_path = pg_catalog, pg_temp set timezone = 'UTC'
set lock_timeout = '5s'
as $$
declare
    month timestamptz;
    name text;
    unseen text;
begin
    perform pg_advisory_xact_lock(hashtextextended('private.add_sms_log_months', 0));
    for month in
        select generate_series(max(m.ends_at), now() + make_interval(months => ahead), '1 month')
        from private.sms_log_months as m
    loop
        name := format('private.sms_logs_%s', to_char(month, 'YYYY_MM'));
        execute format(
            'create table %s (like public.sms_logs including comments including constraints '
            'including defaults including storage)', name
        );
        execute format('alter table %s enable row level security', name);
        execute format(
            'revoke all on table %s from public, anon, authenticated, service_role', name
        );
        for unseen in
            select c.attname
            from pg_attribute as c
            where c.attrelid = 'public.sms_logs'::regclass and c.attstattarget = 0
        loop
            execute format('alter table %s alter column %I set statistics 0', name, unseen);
        end loop;
        execute format(
            'create trigger sms_logs_guard_truncate before truncate on %s '
            'for each statement execute function private.guard_sms_log()', name
        );
        execute format(
            'alter table public.sms_logs attach partition %s for values from (%L) to (%L)',
            name, month, month + interval '1 month'
        );
        return next name::regclass;
    end loop;
end
$$;
comment on function private.add_sms_log_months(integer)
is 'Adds the months that are missing until so many from now, and returns them. To be called daily:
a message of a month that is not there cannot be written down.';
revoke all on function private.add_sms_log_months(integer)
from public, anon, authenticated, service_role;

select private.add_sms_log_months();
