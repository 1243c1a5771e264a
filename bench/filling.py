"""Fill sms_logs with as many rows as are wanted, of as many organizations, in a database to drop.

Acacia Care, of the seed, has every `organizations`th row; of its rows one in 20 went to its
participant, and one in 50 failed. They arrive evenly over the year before ENDS.
"""

from __future__ import annotations

import psycopg

ENDS = "2026-11-01"
ACACIA = "a0000000-0000-4000-8000-000000000001"
PARTICIPANT = "a0000000-0000-4000-8000-000000000305"

_OTHERS = """
insert into public.organizations (id, name)
select ('a0000000-0000-4000-8001-' || lpad(n::text, 12, '0'))::uuid, 'Organization ' || n
from generate_series(1, {organizations} - 1) as n
"""
_MESSAGES = f"""
insert into public.sms_logs (
    organization_id, to_phone, message_body, twilio_sid, status, related_participant_id,
    created_at, updated_at, sent_at, delivered_at, idempotency_key
)
select
    case
        when m.n % {{organizations}} = 0 then '{ACACIA}'
        else 'a0000000-0000-4000-8001-' || lpad((m.n % {{organizations}})::text, 12, '0')
    end::uuid,
    '+614915701' || lpad((m.n % 100)::text, 2, '0'),
    'Your shift on Tuesday begins at 9:00 in the morning, message ' || m.n,
    'SM' || md5(m.n::text),
    case when m.nth / 20 % 50 = 1 then 'failed' else 'delivered' end::public.sms_status,
    case when m.nth % 20 = 3 then '{PARTICIPANT}'
        when m.nth % 2 = 0 then md5((m.nth % 2000)::text)::uuid
    end,
    m.moment, m.moment, m.moment, m.moment,
    'key ' || m.n
from (
    select
        n,
        n / {{organizations}} as nth,
        timestamptz '{ENDS}' - interval '365 days' * (({{rows}} - n)::double precision / {{rows}})
            as moment
    from generate_series(1, {{rows}}) as n
) as m
"""
_INDEXES = """
select
    i.indexrelid::regclass::text as name,
    c.conname as constraint,
    coalesce(pg_get_constraintdef(c.oid), pg_get_indexdef(i.indexrelid)) as definition
from pg_index as i
left join pg_constraint as c on i.indrelid = c.conrelid and i.indexrelid = c.conindid
where i.indrelid = 'public.sms_logs'::regclass
order by c.contype = 'p' desc
"""


def fill(superuser: psycopg.Connection, rows: int, organizations: int) -> None:
    """Empty sms_logs, fill it, build its indexes and gather statistics."""
    for setting in (
        "session_replication_role = replica",
        "maintenance_work_mem = '1GB'",
        "synchronous_commit = on",  # or a VACUUM may find no page all-visible yet
    ):
        superuser.execute(f"set {setting}".encode())
    superuser.execute("truncate public.sms_logs cascade")
    indexes = superuser.execute(_INDEXES).fetchall()
    superuser.execute(
        "alter table public.sms_log_events drop constraint sms_log_events_message_fkey"
    )
    for name, constraint, _ in indexes:
        drop = (
            f"alter table public.sms_logs drop constraint {constraint}"
            if constraint
            else f"drop index {name}"
        )
        superuser.execute(drop.encode())
    for sql in (_OTHERS, _MESSAGES):
        superuser.execute(sql.format(rows=rows, organizations=organizations).encode())
    for _, constraint, definition in indexes:
        build = (
            f"alter table public.sms_logs add constraint {constraint} {definition}"
            if constraint
            else definition
        )
        superuser.execute(build.encode())
    superuser.execute(
        "alter table public.sms_log_events add constraint sms_log_events_message_fkey "
        "foreign key (organization_id, sms_log_id) references public.sms_logs (organization_id, id)"
    )
    superuser.execute("vacuum analyze public.sms_logs")
    superuser.execute("analyze public.organizations")
