"""What is promised of organizations, their people, and the roster."""

from __future__ import annotations

from tests.rls.promises.words import NOTHING, Promise, promise

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
WORKERS = roster(PERSON, NEW_PERSON, "profile_id display_name", participant="hidden") | WHO_IT_IS
PARTICIPANTS = roster(PERSON, NEW_PERSON, "profile_id display_name", participant="own") | WHO_IT_IS
SHIFTS = roster(
    f"id organization_id {SHIFT_TIMES} created_at updated_at",
    f"organization_id {SHIFT_TIMES}",
    SHIFT_TIMES,
    participant="own",
)
