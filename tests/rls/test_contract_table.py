"""Who may do what in our own project, written out, and observed on a real database.

What a table below does not grant is refused by grant: not silently empty, but SQLSTATE 42501.
Hidden means that the grant is there for colleagues of the same role, and no row is.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import psycopg
import pytest
from tests.conftest import PROJECT

from ephraim_db.migrations import apply_migrations, apply_seed, find_migrations
from ephraim_db.postgres import DefaultGrants, Server, create_database, drop_database
from ephraim_db.rls import Cell, Matrix, build_matrix, observe, read_personas
from ephraim_db.rls.probes import COMMANDS, Command

PERSONAS = read_personas(PROJECT / "supabase" / "rls.toml")
NAMES = tuple(persona.name for persona in PERSONAS.everyone)

Promise = dict[Command, set[str]]


def promise(**commands: str | tuple[str, ...]) -> Promise:
    """Return what a persona can do, by command: "whose: columns", or how it is stopped."""
    return {
        command: {cells} if isinstance(cells := commands[command.lower()], str) else set(cells)
        for command in COMMANDS
        if command.lower() in commands
    }


NOTHING = promise()

# organizations: nobody but the sender reads a secret, and only admins enter one

READABLE = (
    "id name abn settings created_at updated_at twilio_account_sid twilio_phone_number "
    "xero_client_id xero_tenant_id twilio_auth_token_set xero_client_secret_set xero_token_set_set"
)
WITH_SECRETS = (
    "id name abn settings created_at updated_at twilio_account_sid twilio_auth_token "
    "twilio_phone_number xero_client_id xero_client_secret xero_tenant_id xero_token_set "
    "twilio_auth_token_set xero_client_secret_set xero_token_set_set"
)
SECRETS = "twilio_auth_token xero_client_secret xero_token_set"
SETTINGS = (
    "name abn settings twilio_account_sid twilio_auth_token twilio_phone_number "
    "xero_client_id xero_client_secret"
)
READS_ORGANIZATION = promise(select=f"organization: {READABLE}", update=f"hidden: {SETTINGS}")
ORGANIZATIONS = {
    "anonymous": NOTHING,
    "participant": READS_ORGANIZATION,
    "worker": READS_ORGANIZATION,
    "coordinator": READS_ORGANIZATION,
    "admin": promise(select=f"organization: {READABLE}", update=f"organization: {SETTINGS}"),
    "platform_admin": promise(select=f"all: {READABLE}", update=f"organization: {SETTINGS}"),
    "inactive": promise(select=f"hidden: {READABLE}", update=f"hidden: {SETTINGS}"),
    "service_role": promise(
        select=f"all: {READABLE}",
        insert="all: id name abn settings",
        update="all: name abn settings",
    ),
    "sender": promise(select=f"all: {WITH_SECRETS}", update="all: xero_tenant_id xero_token_set"),
    "rotator": promise(select=f"all: id {SECRETS}", update=f"all: {SECRETS}"),
}

# profiles: nobody promotes themselves

NEW_PROFILE = (
    "id organization_id role first_name last_name email is_active phone sms_notifications_enabled"
)
PROFILE = (
    "id organization_id role first_name last_name email is_platform_admin is_active "
    "created_at updated_at phone sms_notifications_enabled"
)
ABOUT_ME = "first_name last_name phone sms_notifications_enabled"
REACHED_BY_SMS = "phone sms_notifications_enabled"
HIMSELF = promise(select=f"own: {PROFILE}", update=f"own: {ABOUT_ME}")
MEMBERS = (f"organization: {REACHED_BY_SMS}", "own: first_name last_name")
PROFILES = {
    "anonymous": NOTHING,
    "participant": HIMSELF,
    "worker": HIMSELF,
    "coordinator": promise(select=f"organization: {PROFILE}", update=f"own: {ABOUT_ME}"),
    "admin": promise(select=f"organization: {PROFILE}", update=MEMBERS),
    "platform_admin": promise(select=f"all: {PROFILE}", update=MEMBERS),
    "inactive": promise(select=f"hidden: {PROFILE}", update=f"hidden: {ABOUT_ME}"),
    "service_role": promise(
        select=f"all: {PROFILE}",
        insert=f"all: {NEW_PROFILE}",
        update=f"all: first_name last_name email is_active {REACHED_BY_SMS}",
        delete="all",
    ),
    "sender": promise(
        select=f"all: id organization_id {REACHED_BY_SMS}",
        update="all: sms_notifications_enabled",
    ),
}

# sms_logs: append-only, and what became of a message changes with its status only

MESSAGE = (
    "id organization_id to_phone message_body twilio_sid status error_code error_message "
    "related_shift_id related_worker_id related_participant_id created_at updated_at "
    "sent_at delivered_at failed_at idempotency_key"
)
READS_MESSAGES = promise(select=f"organization: {MESSAGE}")
SMS_LOGS = {
    "anonymous": NOTHING,
    "participant": promise(select=f"own: {MESSAGE}"),
    "worker": READS_MESSAGES,
    "coordinator": READS_MESSAGES,
    "admin": READS_MESSAGES,
    "platform_admin": READS_MESSAGES,
    "inactive": promise(select=f"hidden: {MESSAGE}"),
    "service_role": promise(select=f"all: {MESSAGE}"),
    "sender": promise(
        select=f"all: {MESSAGE}",
        insert="all: organization_id to_phone message_body "
        "related_shift_id related_worker_id related_participant_id idempotency_key",
        update=(
            "all: twilio_sid status",
            "refused: error_code error_message sent_at delivered_at failed_at",
        ),
    ),
}

# workers, participants, shifts: staff read, managers write


def roster(columns: str, added: str, changed: str, *, participant: str) -> dict[str, Promise]:
    """Return who does what to a table of the roster; `participant` is whose rows they read."""
    stopped = {"insert": f"refused: {added}", "update": f"hidden: {changed}", "delete": "hidden"}
    manages = promise(
        select=f"organization: {columns}",
        insert=f"organization: {added}",
        update=f"organization: {changed}",
        delete="organization",
    )
    return {
        "anonymous": NOTHING,
        "participant": promise(select=f"{participant}: {columns}", **stopped),
        "worker": promise(select=f"organization: {columns}", **stopped),
        "coordinator": manages,
        "admin": manages,
        "platform_admin": manages,
        "inactive": promise(select=f"hidden: {columns}", **stopped),
        "service_role": promise(
            select=f"all: {columns}",
            insert=f"all: id {added}",
            update=f"all: {changed}",
            delete="all",
        ),
    }


PERSON = "id organization_id profile_id display_name created_at updated_at"
NEW_PERSON = "organization_id profile_id display_name"
WHO_IT_IS = {"sender": promise(select="all: id organization_id profile_id")}
SHIFT_TIMES = "worker_id participant_id starts_at ends_at"
KEYS = promise(select="all: kid x status created_at activated_at retired_at")

# Xero: staff see the state of the connection, and only the sender what it takes to use one

CONNECTION = (
    "organization_id tenant_name scope status reauth_reason connected_by connected_at "
    "refreshed_at access_expires_at last_error last_error_at"
)
KEPT_BY_THE_SENDER = (
    "connection_id tenant_name scope status reauth_reason connected_by connected_at refreshed_at "
    "access_expires_at generation refused_secret_hash last_error last_error_at"
)
READS_CONNECTION = promise(select=f"organization: {CONNECTION}")
NO_CONNECTION = promise(select=f"hidden: {CONNECTION}")
XERO_CONNECTIONS = {
    "anonymous": NOTHING,
    "participant": NO_CONNECTION,
    "worker": READS_CONNECTION,
    "coordinator": READS_CONNECTION,
    "admin": READS_CONNECTION,
    "platform_admin": READS_CONNECTION,
    "inactive": NO_CONNECTION,
    "service_role": promise(select=f"all: {CONNECTION}"),
    "sender": promise(
        select=f"all: organization_id {KEPT_BY_THE_SENDER}",
        insert="all: organization_id connection_id tenant_name scope connected_by "
        "access_expires_at",
        update=f"all: {KEPT_BY_THE_SENDER}",
        delete="all",
    ),
}
AUTHORIZATION = (
    "state_hash organization_id user_id session_hash xero_client_id redirect_uri code_verifier"
)
CHOICE = "xero_token_set scope access_expires_at tenants"
XERO_AUTHORIZATIONS = dict.fromkeys(ORGANIZATIONS, NOTHING) | {
    "sender": promise(
        select=f"all: id {AUTHORIZATION} created_at expires_at used_at {CHOICE}",
        insert=f"all: {AUTHORIZATION}",
        update=f"all: expires_at used_at {CHOICE}",
        delete="all",
    ),
    "rotator": promise(
        select="all: id organization_id code_verifier xero_token_set",
        update="all: code_verifier xero_token_set",
        delete="all",
    ),
}
LEFTOVER = "organization_id connection_id xero_client_id xero_client_secret xero_token_set"
XERO_LEFTOVERS = dict.fromkeys(ORGANIZATIONS, NOTHING) | {
    "sender": promise(
        select=f"all: id {LEFTOVER} created_at attempts tried_at last_error",
        insert=f"all: {LEFTOVER}",
        update="all: xero_client_secret xero_token_set attempts tried_at last_error",
        delete="all",
    ),
    "rotator": promise(
        select="all: id organization_id xero_client_secret xero_token_set",
        update="all: xero_client_secret xero_token_set",
        delete="all",
    ),
}

TABLE = {
    "xero_connections": XERO_CONNECTIONS,
    "xero_authorizations": XERO_AUTHORIZATIONS,
    "xero_leftovers": XERO_LEFTOVERS,
    "organizations": ORGANIZATIONS,
    "profiles": PROFILES,
    "sms_logs": SMS_LOGS,
    "workers": roster(PERSON, NEW_PERSON, "profile_id display_name", participant="hidden")
    | WHO_IT_IS,
    "participants": roster(PERSON, NEW_PERSON, "profile_id display_name", participant="own")
    | WHO_IT_IS,
    "shifts": roster(
        f"id organization_id {SHIFT_TIMES} created_at updated_at",
        f"organization_id {SHIFT_TIMES}",
        SHIFT_TIMES,
        participant="own",
    )
    | {"sender": NOTHING},
    "sealing_keys": dict.fromkeys(ORGANIZATIONS, KEYS)
    | {
        "anonymous": NOTHING,
        "rotator": promise(
            select="all: kid x status created_at activated_at retired_at",
            insert="all: kid x",
            update="all: status activated_at retired_at",
        ),
    },
}
OF_THE_ROSTER = ("participants", "shifts", "sms_logs")
"""Where a participant who is on no roster yet has no row."""


GIVEN = os.environ.get("EPHRAIM_DB_URL")
"""A mutant, if `rls mutate` runs these tests."""


@pytest.fixture(scope="module", params=["given"] if GIVEN else ["legacy", "explicit"])
def ours(request: pytest.FixtureRequest, server: Server) -> Iterator[Matrix]:
    """The matrix of our project, on a platform with either flavour of default grants."""
    if GIVEN:
        with psycopg.connect(GIVEN, autocommit=True) as connection:
            matrix = build_matrix(PERSONAS.everyone, observe(connection, PERSONAS))
        yield matrix
        return
    grants: DefaultGrants = request.param
    name = f"contract_{grants}"
    create_database(server, name, default_grants=grants)
    with psycopg.connect(server.url(name, "postgres"), autocommit=True) as connection:
        apply_migrations(connection, find_migrations(PROJECT))
        apply_seed(connection, PROJECT)
        yield build_matrix(PERSONAS.everyone, observe(connection, PERSONAS))
    drop_database(server, name)


def observed(matrix: Matrix, persona: str, relation: str) -> Promise:
    """Return what was observed beyond refusals by grant, in the words of the tables above."""
    found = {
        command: {
            in_words(cell)
            for cell in matrix.find(persona, f"public.{relation}", command)
            if cell.outcome != "refused_by_grant"
        }
        for command in COMMANDS
    }
    return {command: cells for command, cells in found.items() if cells}


def in_words(cell: Cell) -> str:
    words = {"allowed": cell.scope, "hidden": "hidden", "refused_by_policy": "refused"}
    word = words.get(cell.outcome, cell.outcome)
    return f"{word}: {' '.join(cell.columns)}" if cell.columns else word


def expected(persona: str, relation: str) -> Promise:
    """Return what is promised; people of the other organization are promised the same."""
    if persona == "newcomer":
        promised = TABLE[relation]["participant"]
        return without_own(promised) if relation in OF_THE_ROSTER else promised
    return TABLE[relation].get(persona.removeprefix("other_"), NOTHING)


def without_own(promised: Promise) -> Promise:
    """Return what remains of a promise to somebody who owns nothing here."""
    return {
        command: {cell.replace("own: ", "hidden: ") for cell in cells}
        for command, cells in promised.items()
    }


@pytest.mark.parametrize("relation", TABLE)
@pytest.mark.parametrize("persona", NAMES)
def test_each_persona_can_do_what_the_table_says_and_no_more(
    ours: Matrix, persona: str, relation: str
) -> None:
    assert observed(ours, persona, relation) == expected(persona, relation)


def test_nothing_of_the_table_is_left_undecided(ours: Matrix) -> None:
    """Not everybody owns a row everywhere: a worker is no participant."""
    tables = {f"public.{relation}" for relation in TABLE}
    doubts = {doubt.reason for doubt in ours.unproven if doubt.relation in tables}
    assert doubts == {"no row of its own to try"}


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
