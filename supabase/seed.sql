-- Two organizations of the same shape, for local development and for the access matrix.
-- Everyone signs in with their e-mail and the password "local-only". Never seed a hosted project.
-- Phone numbers are those the Australian regulator keeps for fiction.

with people (id, email) as (
    values
    ('a0000000-0000-4000-8000-000000000101'::uuid, 'admin@acacia.example'),
    ('a0000000-0000-4000-8000-000000000102', 'coordinator@acacia.example'),
    ('a0000000-0000-4000-8000-000000000103', 'worker@acacia.example'),
    ('a0000000-0000-4000-8000-000000000104', 'worker2@acacia.example'),
    ('a0000000-0000-4000-8000-000000000105', 'participant@acacia.example'),
    ('a0000000-0000-4000-8000-000000000106', 'participant2@acacia.example'),
    ('a0000000-0000-4000-8000-000000000107', 'inactive@acacia.example'),
    ('a0000000-0000-4000-8000-000000000108', 'platform@acacia.example'),
    ('a0000000-0000-4000-8000-000000000109', 'newcomer@acacia.example'),
    ('b0000000-0000-4000-8000-000000000101', 'admin@banksia.example'),
    ('b0000000-0000-4000-8000-000000000102', 'coordinator@banksia.example'),
    ('b0000000-0000-4000-8000-000000000103', 'worker@banksia.example'),
    ('b0000000-0000-4000-8000-000000000104', 'worker2@banksia.example'),
    ('b0000000-0000-4000-8000-000000000105', 'participant@banksia.example'),
    ('b0000000-0000-4000-8000-000000000106', 'participant2@banksia.example')
),

users as (
    insert into auth.users (
        instance_id, id, aud, role, email, encrypted_password, email_confirmed_at,
        raw_app_meta_data, raw_user_meta_data, created_at, updated_at,
        confirmation_token, recovery_token, email_change, email_change_token_new
    )
    select
        '00000000-0000-0000-0000-000000000000',
        p.id,
        'authenticated',
        'authenticated',
        p.email,
        extensions.crypt('local-only', extensions.gen_salt('bf', 4)),
        now(),
        '{"provider": "email", "providers": ["email"]}',
        '{}',
        now(),
        now(),
        '',
        '',
        '',
        ''
    from people as p
    returning id, email
)

insert into auth.identities (
    provider_id, user_id, identity_data, provider, last_sign_in_at, created_at, updated_at
)
select
    u.id::text,
    u.id,
    jsonb_build_object('sub', u.id, 'email', u.email, 'email_verified', true),
    'email',
    now(),
    now(),
    now()
from users as u;

-- A key whose private half was thrown away, so the seeded envelopes open for nobody. It is retired
-- below: to store a secret of your own, publish a key of your own.
insert into public.sealing_keys (kid, x, status, activated_at) values
(
    'kJkVT6Sg5P_egJo8QMtiKVN-OltVPKBBgtFrGMRnLQQ',
    'w8YubevPi0Vcx5ZR2pNLVdTk0F25Q8a6NEn0Fsy3_Ho',
    'active',
    '2026-01-27 00:00:00+00'
);

insert into public.organizations (
    id, name, abn, settings, twilio_account_sid, twilio_auth_token, twilio_phone_number,
    xero_client_id, xero_client_secret, xero_tenant_id, xero_token_set
)
with envelopes as (
    select rpad('seal:v1:' || kid || ':', 458, 'seed') as envelope
    from public.sealing_keys
)

select
    o.id,
    o.name,
    o.abn,
    '{"sms_enabled": true, "xero_connected": true, "ndia_registered": true}',
    'AC' || md5(o.name),
    k.envelope,
    o.twilio_phone_number,
    upper(md5('client of ' || o.name)),
    k.envelope,
    md5('tenant of ' || o.name)::uuid::text,
    k.envelope
from (
    values
    (
        'a0000000-0000-4000-8000-000000000001'::uuid,
        'Acacia Care',
        '11123456780',
        '+61491570006'
    ),
    (
        'b0000000-0000-4000-8000-000000000001',
        'Banksia Supports',
        '10987654320',
        '+61491570156'
    )
) as o (id, name, abn, twilio_phone_number)
cross join envelopes as k;

update public.sealing_keys
set status = 'retired', retired_at = '2026-01-27 00:00:00+00';

-- And one that was published and never used, thrown away like the other.
insert into public.sealing_keys (kid, x) values
('SfaVFtrJ_lVLc2g0e-QE80tZrsK1sDTdfto5HM3trko', 'rVflk191dIZmgL-_-0all1pAN6GsRb2AQtPreDBicUo');

-- Somebody who has left ran the platform and received care, so that it shows if leaving left a way
-- in; a newcomer is on no roster yet and wants no SMS.
insert into public.profiles (
    id, organization_id, role, first_name, last_name, email, is_platform_admin, is_active, phone,
    sms_notifications_enabled
)
select
    u.id,
    (left(u.id::text, 1) || '0000000-0000-4000-8000-000000000001')::uuid,
    p.role,
    p.first_name,
    p.last_name,
    u.email,
    p.member in ('platform', 'inactive'),
    p.member <> 'inactive',
    p.phone,
    p.member <> 'newcomer'
from (
    values
    ('admin', 'admin'::public.member_role, 'Ada', 'Abbott', '+61491570157'),
    ('coordinator', 'coordinator', 'Cora', 'Campbell', '+61491570158'),
    ('worker', 'worker', 'Will', 'Walker', '+61491570159'),
    ('worker2', 'worker', 'Wren', 'Wilson', '+61491570110'),
    ('participant', 'participant', 'Pip', 'Parker', '+61491570313'),
    ('participant2', 'participant', 'Pat', 'Palmer', '+61491570737'),
    ('inactive', 'coordinator', 'Ian', 'Irwin', '+61491571266'),
    ('platform', 'admin', 'Phil', 'Price', '+61491571491'),
    ('newcomer', 'participant', 'Nia', 'Novak', '+61491572549')
) as p (member, role, first_name, last_name, phone)
inner join auth.users as u on p.member = split_part(u.email, '@', 1);

insert into public.workers (id, organization_id, profile_id, display_name)
select
    overlay(p.id::text placing '2' from 34)::uuid,
    p.organization_id,
    p.id,
    p.first_name || ' ' || p.last_name
from public.profiles as p
where p.role = 'worker';

insert into public.participants (id, organization_id, profile_id, display_name)
select
    overlay(p.id::text placing '3' from 34)::uuid,
    p.organization_id,
    p.id,
    p.first_name || ' ' || p.last_name
from public.profiles as p
where (p.role = 'participant' and p.sms_notifications_enabled) or not p.is_active;

insert into public.shifts (id, organization_id, worker_id, participant_id, starts_at, ends_at)
select
    overlay(p.id::text placing '4' from 34)::uuid,
    p.organization_id,
    w.id,
    p.id,
    '2026-02-02 09:00:00+11',
    '2026-02-02 12:00:00+11'
from public.participants as p
inner join public.workers as w
    on
        p.organization_id = w.organization_id
        and right(p.id::text, 1)::int = right(w.id::text, 1)::int + 2;

-- A reminder to each worker and participant of a shift, and one message about nothing.
insert into public.sms_logs (
    id, organization_id, to_phone, message_body, twilio_sid, status, related_shift_id,
    related_worker_id, related_participant_id, created_at, sent_at, delivered_at
)
with recipients as (
    select
        id,
        profile_id
    from public.workers
    union all
    select
        p.id,
        p.profile_id
    from public.participants as p
)

select
    overlay(r.id::text placing '5' from 34)::uuid,
    s.organization_id,
    p.phone,
    'You have a shift on Monday 2 February at 9:00 am.',
    'SM' || md5(r.id::text),
    'delivered',
    s.id,
    case when p.role = 'worker' then r.id end,
    case when p.role = 'participant' then r.id end,
    '2026-02-01 16:00:00+11'::timestamptz + right(r.id::text, 1)::int * interval '1 second',
    '2026-02-01 16:01:00+11',
    '2026-02-01 16:02:00+11'
from public.shifts as s
inner join recipients as r on r.id in (s.worker_id, s.participant_id)
inner join public.profiles as p on r.profile_id = p.id;

insert into public.sms_logs (
    id, organization_id, to_phone, message_body, status, error_code, error_message, created_at,
    failed_at
)
select
    overlay(o.id::text placing '5' from 34)::uuid,
    o.id,
    '+61491571804',
    'The office is closed on Monday.',
    'failed',
    21211,
    'Invalid ''To'' phone number',
    '2026-02-01 17:00:00+11',
    '2026-02-01 17:00:01+11'
from public.organizations as o;

-- What was heard of each message. The events of the credentials wrote themselves.
insert into public.sms_log_events (
    organization_id, sms_log_id, twilio_sid, source, status, error_code, moved, created_at
)
select
    m.organization_id,
    m.id,
    m.twilio_sid,
    case when m.status = 'failed' then 'answer' else 'callback' end,
    m.status,
    m.error_code,
    true,
    coalesce(m.delivered_at, m.created_at)
from public.sms_logs as m
order by m.id;

insert into public.credential_tests (id, organization_id, provider, requested_by, created_at)
select
    overlay(p.id::text placing '6' from 34)::uuid,
    p.organization_id,
    'twilio',
    p.id,
    '2026-02-01 18:00:00+11'
from public.profiles as p
where p.role = 'admin' and not p.is_platform_admin;

-- Each organization's Xero connection, made by somebody who has left, an authorization that was
-- never finished, and a leftover.
insert into public.xero_connections (
    organization_id, connection_id, tenant_name, scope, access_expires_at
)
select
    o.id,
    md5('connection of ' || o.name)::uuid,
    o.name || ' Pty Ltd',
    'offline_access accounting.invoices accounting.contacts',
    '2026-02-01 16:30:00+11'
from public.organizations as o;

insert into public.xero_authorizations (
    state_hash, organization_id, user_id, session_hash, xero_client_id, redirect_uri, expires_at
)
select
    sha256(('state of ' || o.name)::bytea),
    o.id,
    overlay(o.id::text placing '101' from 34)::uuid,
    sha256(('session of ' || o.name)::bytea),
    o.xero_client_id,
    'https://app.example/xero/callback',
    '2026-02-01 16:10:00+11'
from public.organizations as o;

insert into public.xero_leftovers (
    organization_id, connection_id, xero_client_id, xero_client_secret, xero_token_set
)
select
    o.id,
    md5('former connection of ' || o.name)::uuid,
    o.xero_client_id,
    o.xero_client_secret,
    o.xero_token_set
from public.organizations as o;
