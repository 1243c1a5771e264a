-- Many messages are written down, and moved forward, by one statement: what a message costs the
-- database is half of what it was. These functions take the place of those for one message each.

set local lock_timeout = '5s';
set local statement_timeout = '60s';

create function private.write_sms_logs(
    organization_ids uuid[],
    to_phones text[],
    message_bodies text[],
    idempotency_keys text[],
    related_shift_ids uuid[],
    related_worker_ids uuid[],
    related_participant_ids uuid[]
)
returns table (place bigint, id uuid, created_at timestamptz)
language plpgsql
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
as $$
#variable_conflict use_column
begin
    return query
    with given as materialized (
        select
            g.*,
            row(
                g.organization_id, g.to_phone, g.message_body, g.idempotency_key,
                g.related_shift_id, g.related_worker_id, g.related_participant_id
            )::text as content
        from unnest(
            organization_ids, to_phones, message_bodies, idempotency_keys,
            related_shift_ids, related_worker_ids, related_participant_ids
        ) with ordinality as g (
            organization_id, to_phone, message_body, idempotency_key,
            related_shift_id, related_worker_id, related_participant_id, place
        )
    ),

    written as (
        insert into public.sms_logs as m (
            organization_id, to_phone, message_body, idempotency_key,
            related_shift_id, related_worker_id, related_participant_id
        )
        select
            g.organization_id, g.to_phone, g.message_body, g.idempotency_key,
            g.related_shift_id, g.related_worker_id, g.related_participant_id
        from given as g
        left join lateral (
            select w.profile_id
            from public.workers as w
            where w.organization_id = g.organization_id and w.id = g.related_worker_id
            union all
            select q.profile_id
            from public.participants as q
            where q.organization_id = g.organization_id and q.id = g.related_participant_id
        ) as r on true
        left join public.profiles as p on r.profile_id = p.id
        where p.sms_notifications_enabled is not false
        order by g.organization_id, g.idempotency_key, g.place
        on conflict do nothing
        returning
            m.id,
            m.created_at,
            row(
                m.organization_id, m.to_phone, m.message_body, m.idempotency_key,
                m.related_shift_id, m.related_worker_id, m.related_participant_id
            )::text as content
    )

    -- Which row is which only its content says; where that is the same, it does not matter.
    select g.place, w.id, w.created_at
    from (
        select
            w.*,
            row_number() over (partition by w.content) as nth
        from written as w
    ) as w
    inner join (
        select
            g.place,
            g.content,
            row_number() over (partition by g.content order by g.place) as nth
        from given as g
    ) as g on w.content = g.content and w.nth = g.nth;
end
$$;
comment on function private.write_sms_logs(uuid[], text[], text[], text[], uuid[], uuid[], uuid[])
is 'Writes messages down as pending, as whoever calls; all or none. Of those whose key was used, or
whose recipient has switched SMS off, nothing comes back. In the order of their keys, so that two who
write the same ones wait for each other and not in a circle. A function keeps its plans, which are
made for a table that grows; no statement is prepared.';
revoke all on function
private.write_sms_logs(uuid[], text[], text[], text[], uuid[], uuid[], uuid[])
from public, anon, authenticated, service_role;
grant execute on function
private.write_sms_logs(uuid[], text[], text[], text[], uuid[], uuid[], uuid[])
to ephraim_sender;


create function private.advance_sms_logs(
    organization_ids uuid[],
    sms_log_ids uuid[],
    twilio_sids text[],
    sources text[],
    statuses text[],
    error_codes integer[],
    error_messages text[]
)
returns table (
    place bigint,
    twilio_sid text,
    status text,
    error_code integer,
    error_message text,
    updated_at timestamptz,
    sent_at timestamptz,
    delivered_at timestamptz,
    failed_at timestamptz
)
language plpgsql
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
as $$
#variable_conflict use_column
declare
    known text[] := enum_range(null::public.sms_status);
    message_ids uuid[];
    again boolean;
    stopped record;
    switched_off integer;
begin
    select
        array_agg(m.id order by g.place),
        count(m.id) > count(distinct m.id) or count(g.twilio_sid) > count(distinct g.twilio_sid)
    into message_ids, again
    from unnest(organization_ids, sms_log_ids, twilio_sids) with ordinality as g (
        organization_id, sms_log_id, twilio_sid, place
    )
    left join lateral (
        select m.id
        from public.sms_logs as m
        where m.organization_id = g.organization_id and m.twilio_sid = g.twilio_sid
        union all
        select m.id
        from public.sms_logs as m
        where
            m.organization_id = g.organization_id
            and m.id = g.sms_log_id
            and (m.twilio_sid is null or g.twilio_sid is null)
        limit 1
    ) as m on true;

    if again then  -- of one message, one after the other
        for n in 1..cardinality(organization_ids) loop
            return query
            select
                n::bigint, a.twilio_sid, a.status, a.error_code, a.error_message,
                a.updated_at, a.sent_at, a.delivered_at, a.failed_at
            from private.advance_sms_logs(
                organization_ids[n:n], sms_log_ids[n:n], twilio_sids[n:n], sources[n:n],
                statuses[n:n], error_codes[n:n], error_messages[n:n]
            ) as a;
        end loop;
        return;
    end if;

    perform
    from public.sms_logs as m
    where m.id = any (message_ids)
    order by m.id
    for no key update;

    return query
    with heard as materialized (
        select
            g.*,
            m.id as message_id,
            g.heard is not null
            and m.id is not null
            and private.sms_status_follows(m.status, g.heard) as moves
        from (
            select
                u.*,
                case when u.said = any (known) then u.said::public.sms_status end as heard
            from unnest(
                organization_ids, message_ids, twilio_sids, sources, statuses, error_codes,
                error_messages
            ) with ordinality as u (
                organization_id, found_id, sid, source, said, code, words, place
            )
        ) as g
        left join public.sms_logs as m
            on
                g.found_id = m.id
                and (g.sid is null or m.twilio_sid is null or g.sid = m.twilio_sid)
    ),

    kept as (
        insert into public.sms_log_events (
            organization_id, sms_log_id, twilio_sid, source, status, error_code, note, moved
        )
        select h.organization_id, h.message_id, h.sid, h.source, h.said, h.code, h.words, h.moves
        from heard as h
        order by h.place
    )

    update public.sms_logs as m
    set
        twilio_sid = coalesce(m.twilio_sid, h.sid),
        status = case when h.moves then h.heard else m.status end,
        error_code = case when h.moves then h.code else m.error_code end,
        error_message = case when h.moves then h.words else m.error_message end,
        sent_at = case
            when h.moves and h.heard in ('sent', 'delivered', 'read')
                then coalesce(m.sent_at, now())
            else m.sent_at
        end,
        delivered_at = case
            when h.moves and h.heard in ('delivered', 'read')
                then coalesce(m.delivered_at, now())
            else m.delivered_at
        end,
        failed_at = case
            when h.moves and h.heard in ('undelivered', 'failed', 'canceled') then now()
            else m.failed_at
        end
    from heard as h
    where m.id = h.message_id
    returning
        h.place, m.twilio_sid, m.status::text, m.error_code, m.error_message,
        m.updated_at, m.sent_at, m.delivered_at, m.failed_at;

    for stopped in
        select m.organization_id, m.id, m.twilio_sid, m.to_phone
        from unnest(message_ids, error_codes) as g (id, error_code)
        inner join public.sms_logs as m on g.id = m.id
        where g.error_code = 21610
        order by m.id
    loop
        update public.profiles as p
        set sms_notifications_enabled = false
        where
            p.organization_id = stopped.organization_id
            and p.phone = stopped.to_phone
            and p.sms_notifications_enabled;
        get diagnostics switched_off = row_count;
        insert into public.sms_log_events (
            organization_id, sms_log_id, twilio_sid, source, error_code, note, moved
        ) values (
            stopped.organization_id, stopped.id, stopped.twilio_sid, 'opt_out', 21610,
            format('Replied STOP: SMS switched off for %s member(s) with this number', switched_off),
            false
        );
    end loop;
end
$$;
comment on function
private.advance_sms_logs(uuid[], uuid[], text[], text[], text[], integer[], text[])
is 'Writes down what Twilio said of messages and moves them forward, as whoever calls; all or none.
By SID, or by id while no SID is known; of a message this log does not hold, only the event is kept,
and nothing comes back.';
revoke all on function
private.advance_sms_logs(uuid[], uuid[], text[], text[], text[], integer[], text[])
from public, anon, authenticated, service_role;
grant execute on function
private.advance_sms_logs(uuid[], uuid[], text[], text[], text[], integer[], text[])
to ephraim_sender;

-- squawk-ignore ban-drop-function
drop function private.write_sms_log(uuid, text, text, text, uuid, uuid, uuid);
-- squawk-ignore ban-drop-function
drop function private.advance_sms_log(uuid, uuid, text, text, text, integer, text);
