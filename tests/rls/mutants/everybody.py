"""Our project with everybody in it whom the schema lets there be, for mutants that may be equal.

Each member role, active and not, with the platform or not, on the roster of participants or not, of
one organization beside the seed's other; participants nobody signs in as; keys in every state.
"""

from __future__ import annotations

from typing import Any

import psycopg
from tests.conftest import PROJECT
from tests.database.stored_secrets import ACACIA, activate

from ephraim_db.rls import Persona, Personas, read_personas
from ephraim_db.sealing import PrivateKey

OURS = read_personas(PROJECT / "supabase" / "rls.toml")
NO_MEMBER = "c0000000-0000-4000-8000-000000000001"
_MAKE = """
create temporary table everybody on commit drop as
select
    gen_random_uuid() as id,
    role,
    is_active,
    is_platform_admin,
    is_cared_for
from unnest(enum_range(null::public.member_role)) as role
cross join (values (true), (false)) as a (is_active)
cross join (values (true), (false)) as b (is_platform_admin)
cross join (values (true), (false)) as c (is_cared_for);

insert into auth.users (id) select id from everybody union all select '{no_member}';
insert into public.profiles (
    id, organization_id, role, first_name, last_name, email, is_platform_admin, is_active
)
select id, '{acacia}', role, 'Any', 'Body', id || '@acacia.example', is_platform_admin, is_active
from everybody;
insert into public.participants (organization_id, profile_id, display_name)
select '{acacia}'::uuid, id, 'somebody' from everybody where is_cared_for
union all
select id, null, 'who never signs in' from public.organizations;
insert into public.shifts (organization_id, worker_id, participant_id, starts_at, ends_at)
select distinct on (p.id) p.organization_id, w.id, p.id, now(), now() + interval '1 hour'
from public.participants as p
inner join public.workers as w on p.organization_id = w.organization_id;
insert into public.sms_logs (organization_id, to_phone, message_body, related_participant_id)
select p.organization_id, '+61491570006', 'hello', p.id from public.participants as p;
insert into public.sms_log_events (organization_id, sms_log_id, source, moved)
select m.organization_id, m.id, 'answer', true from public.sms_logs as m
where m.message_body = 'hello';
"""


def let_everybody_in(connection: psycopg.Connection[Any]) -> Personas:
    """Make them, and return those of rls.toml, strangers, and all of these."""
    activate(connection, PrivateKey.generate())
    with connection.transaction():
        connection.execute(_MAKE.format(acacia=ACACIA, no_member=NO_MEMBER).encode())
        made = connection.execute(
            "select id::text, concat_ws(' ', 'any', role, "
            "case when not is_active then 'who left' end, "
            "case when is_platform_admin then 'with the platform' end, "
            "case when is_cared_for then 'cared for' end) from everybody"
        ).fetchall()
    members = (Persona(name, "authenticated", sub, str(ACACIA)) for sub, name in made)
    strangers = (
        Persona("no user", "authenticated"),
        Persona("no member", "authenticated", NO_MEMBER),
    )
    return Personas(OURS.schemas, OURS.boundary, (*OURS.everyone, *strangers, *members))
