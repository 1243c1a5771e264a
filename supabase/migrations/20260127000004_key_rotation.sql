-- Who may exchange the key that secrets are sealed to, and what a key is while it is exchanged.

set local lock_timeout = '5s';
set local statement_timeout = '60s';

-- squawk-ignore ban-drop-constraint
alter table public.sealing_keys drop constraint sealing_keys_status_known;
-- The table holds a handful of keys: to scan it takes no time worth avoiding.
-- squawk-ignore constraint-missing-not-valid
alter table public.sealing_keys add constraint sealing_keys_status_known
check (status in ('pending', 'active', 'retiring', 'retired'));
comment on column public.sealing_keys.status
is 'pending, then active: clients seal to it; retiring: another is, but secrets may still be sealed
to this one; retired: no secret may be.';

do $$
begin
    if not exists (select from pg_catalog.pg_roles where rolname = 'ephraim_rotator') then
        create role ephraim_rotator nologin noinherit nobypassrls;
    end if;
end
$$;
-- Whoever migrates may act as it, so that the owner of the database can rotate without a login.
grant ephraim_rotator to current_user;
grant usage on schema public to ephraim_rotator;


-- who may do what ---------------------------------------------------------------------------------
-- The sender cannot do this: a stolen sender must not publish a key of the thief's. The rotator
-- sees envelopes and keys only, so without the private keys it reads nothing.

grant select on table public.sealing_keys to ephraim_rotator;
grant insert (kid, x) on public.sealing_keys to ephraim_rotator;
grant update (status, activated_at, retired_at) on public.sealing_keys to ephraim_rotator;
grant select (id, twilio_auth_token, xero_client_secret, xero_token_set)
on public.organizations to ephraim_rotator;
grant update (twilio_auth_token, xero_client_secret, xero_token_set)
on public.organizations to ephraim_rotator;

create policy "the rotator reads every key"
on public.sealing_keys for select to ephraim_rotator
using (true);
create policy "the rotator publishes keys, which start as pending"
on public.sealing_keys for insert to ephraim_rotator
with check (status = 'pending');
create policy "the rotator moves keys on, but a retired one stays so"
on public.sealing_keys for update to ephraim_rotator
using (status <> 'retired') with check (true);
comment on policy "the rotator moves keys on, but a retired one stays so" on public.sealing_keys
is 'Column grants leave out kid and x: a key never becomes another.';

create policy "the rotator reads every organization's envelopes"
on public.organizations for select to ephraim_rotator
using (true);
create policy "the rotator seals every organization's secrets anew"
on public.organizations for update to ephraim_rotator
using (true) with check (true);
comment on policy "the rotator seals every organization's secrets anew" on public.organizations
is 'Column grants hold it to the secrets; the trigger takes envelopes of known keys only.';


-- no way to hold a retirement up ------------------------------------------------------------------

create or replace function private.check_envelope(field text, envelope text)
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
    where
        k.kid = split_part(envelope, ':', 3)
        and k.status <> 'retired'
        and (
            k.status <> 'retiring'
            or private.acting_role() <> 'authenticated'
            or exists (
                select
                from public.sealing_keys as a
                where a.status = 'active' and a.activated_at > now() - interval '10 minutes'
            )
        )
    for share;
    if not found then
        raise exception '% is sealed to a key that is unknown or retired', field
            using errcode = 'check_violation',
            hint = 'Seal it anew to the active key in sealing_keys.';
    end if;
end
$$;
comment on function private.check_envelope(text, text)
is 'Refuses before a constraint would, whose message repeats what it refuses. To a retiring key,
members seal for ten minutes more: what their browsers had begun comes in, and no more.';
