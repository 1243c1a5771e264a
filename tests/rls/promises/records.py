"""What is promised of messages, keys and credentials, and of what is written down about them."""

from __future__ import annotations

from tests.rls.promises.people import ORGANIZATIONS
from tests.rls.promises.words import NOTHING, promise

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
# sms_log_events, credential_events: written down as it happens, and changed by nobody

EVENT = "id organization_id sms_log_id twilio_sid source status error_code note moved created_at"
READS_EVENTS = promise(select=f"organization: {EVENT}")
SMS_LOG_EVENTS = {
    "anonymous": NOTHING,
    "participant": promise(select=f"own: {EVENT}"),
    "worker": READS_EVENTS,
    "coordinator": READS_EVENTS,
    "admin": READS_EVENTS,
    "platform_admin": READS_EVENTS,
    "inactive": promise(select=f"hidden: {EVENT}"),
    "service_role": promise(select=f"all: {EVENT}"),
    "sender": promise(
        select=f"all: {EVENT}",
        insert="all: organization_id sms_log_id twilio_sid source status error_code note moved",
    ),
}
CHANGE = "id organization_id provider field event kid actor_role actor_id created_at"
CREDENTIAL_EVENTS = dict.fromkeys(ORGANIZATIONS, promise(select=f"hidden: {CHANGE}")) | {
    "anonymous": NOTHING,
    "admin": promise(select=f"organization: {CHANGE}"),
    "platform_admin": promise(select=f"organization: {CHANGE}"),
    "service_role": promise(select=f"all: {CHANGE}"),
    "sender": promise(select="all: organization_id field event created_at"),
    "rotator": NOTHING,
}

# credential_tests: admins ask, and the sender uses up what was asked

TEST = "id organization_id provider requested_by created_at used_at"
MAY_NOT_ASK = promise(select=f"hidden: {TEST}", insert="refused: organization_id provider")
ASKS = promise(select=f"organization: {TEST}", insert="organization: organization_id provider")
CREDENTIAL_TESTS = dict.fromkeys(ORGANIZATIONS, MAY_NOT_ASK) | {
    "anonymous": NOTHING,
    "admin": ASKS,
    "platform_admin": ASKS,
    "service_role": promise(select=f"all: {TEST}"),
    "sender": promise(select=f"all: {TEST}", update="all: used_at"),
    "rotator": NOTHING,
}

# sealing_keys: whoever is signed in seals to them, and only the rotator moves them on

KEYS = promise(select="all: kid x status created_at activated_at retired_at")
SEALING_KEYS = dict.fromkeys(ORGANIZATIONS, KEYS) | {
    "anonymous": NOTHING,
    "rotator": promise(
        select="all: kid x status created_at activated_at retired_at",
        insert="all: kid x",
        update="all: status activated_at retired_at",
    ),
}

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
