-- The views that run as whoever asks. ephraim.oids says which.
select c.oid::int8 as oid
from pg_catalog.pg_class as c
cross join lateral unnest(c.reloptions) as o (setting)
where
    c.relkind = 'v'
    and o.setting in ('security_invoker=true', 'security_invoker=on', 'security_invoker=1')
    and pg_catalog.pg_has_role(c.relowner, 'usage')
    and c.oid = any(current_setting('ephraim.oids')::bigint[])
