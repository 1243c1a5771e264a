"""Locks taken off a database, and the attacks that then get somewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import LiteralString


@dataclass(frozen=True, slots=True)
class Sabotage:
    """SQL that breaks a protection, and what attackers wish that it lets through."""

    sql: LiteralString
    wishes: tuple[str, ...]


SABOTAGES = {
    "row-level security": Sabotage(
        "alter table sms_logs disable row level security",
        (
            "read the messages of another organization",
            "see others' messages through one's organization as a participant",
            "have another's messages counted",
            "guess the beginning of a message",
            "read messages to workers as a participant",
            "use a token without a subject",
        ),
    ),
    "column grants": Sabotage(
        "grant select (twilio_auth_token) on organizations to authenticated",
        (
            "select the secret",
            "order by the secret",
            "embed the secret",
            "have secrets counted",
            "guess a secret's first letters as its own admin",
        ),
    ),
    "a policy for insert": Sabotage(
        'alter policy "managers add workers to their organization" on workers with check (true)',
        ("add a worker to another organization", "add a worker as a worker"),
    ),
    "policies for delete": Sabotage(
        """
        alter policy "managers remove their organization's shifts" on shifts using (true);
        alter policy "staff read their organization's shifts, participants their own" on shifts
        using (true);
        set session_replication_role = replica;
        delete from sms_logs;
        set session_replication_role = default
        """,
        ("guess a row by deleting it",),
    ),
    "a grant to update": Sabotage(
        "grant update (role) on profiles to authenticated",
        ("make oneself an admin", "make oneself an admin beside a harmless change"),
    ),
    "what PostgREST may become": Sabotage(
        "grant ephraim_sender to authenticator;"
        "grant execute on function refuse_estimates() to ephraim_sender",
        ("be the sender",),
    ),
    "as whom a function runs": Sabotage(
        "alter function count_sms_outcomes(timestamptz, timestamptz, text) security definer",
        ("count messages as someone who has left",),
    ),
    "no estimates": Sabotage(
        "create or replace function refuse_estimates() returns void language sql as ''",
        (
            "have messages estimated",
            "have messages estimated, in other letters and with spaces",
        ),
    ),
    "which schemas are exposed": Sabotage(
        """
        do $$ begin execute format(
            'alter role authenticator in database %I set pgrst.db_schemas = ''public, auth''',
            current_database()
        ); end $$;
        grant usage on schema auth to anon, authenticated;
        grant select on auth.users to authenticated;
        notify pgrst, 'reload config';
        notify pgrst, 'reload schema'
        """,
        ("read accounts and their password hashes",),
    ),
}
