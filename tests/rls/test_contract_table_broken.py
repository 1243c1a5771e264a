"""What the promises would notice: each of these mistakes breaks the one that it should."""

from __future__ import annotations

import psycopg
import pytest
from tests.rls.promises import PERSONAS, expected, observed

from ephraim_db.rls import build_matrix, observe


@pytest.mark.parametrize(
    ("breakage", "persona", "relation"),
    [
        (
            "grant select (twilio_auth_token) on public.organizations to authenticated",
            "worker",
            "organizations",
        ),
        ("grant select on public.organizations to service_role", "service_role", "organizations"),
        ("alter table public.organizations disable row level security", "worker", "organizations"),
        ("grant update (role) on public.profiles to authenticated", "worker", "profiles"),
        ("drop trigger profiles_guard_names on public.profiles", "admin", "profiles"),
        (
            'create policy "all" on public.profiles for select to authenticated using (true)',
            "coordinator",
            "profiles",
        ),
        ("grant delete on public.sms_logs to service_role", "service_role", "sms_logs"),
        (
            (
                'create policy "shift" on public.sms_logs for select to authenticated '
                "using (related_shift_id is not null)"
            ),
            "participant",
            "sms_logs",
        ),
        ("grant select on public.shifts to anon", "anonymous", "shifts"),
        (
            'create policy "any" on public.workers for insert to authenticated with check (true)',
            "coordinator",
            "workers",
        ),
    ],
)
def test_the_table_notices_what_is_broken(
    database: str, breakage: str, persona: str, relation: str
) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(breakage.encode())
        matrix = build_matrix(PERSONAS.everyone, observe(connection, PERSONAS))
    assert observed(matrix, persona, relation) != expected(persona, relation)
