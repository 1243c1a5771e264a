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
