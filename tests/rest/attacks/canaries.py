"""Canaries: stored values that a persona must never see, wherever they appear in an answer.

every value of every row - those of rows and columns that are the persona's to read = canaries

Whose rows are whose is said here once more, past the policies, so that both have to be wrong for
a leak to go unnoticed.
"""

from __future__ import annotations

from typing import Any

import psycopg
from tests.rest.conftest import PERSONAS, TABLES

_SHORTEST = 8
_NOBODYS_TABLES = {"xero_authorizations", "xero_leftovers"}
_NOBODYS_COLUMNS = {
    "twilio_auth_token",
    "xero_client_secret",
    "xero_token_set",
    "refused_secret_hash",
    "connection_id",
}
_STAFF = ("workers", "participants", "shifts", "sms_logs", "sms_log_events", "xero_connections")
_SELF = {"profiles": "id = %(sub)s", "sealing_keys": "true"}
_MEMBER = {"organizations": "id = %(organization)s", **_SELF}
_WORKER = {**_MEMBER, **dict.fromkeys(_STAFF, "organization_id = %(organization)s")}
_COORDINATOR = {**_WORKER, "profiles": "organization_id = %(organization)s"}
_ADMIN = {
    **_COORDINATOR,
    "credential_events": "organization_id = %(organization)s",
    "credential_tests": "organization_id = %(organization)s",
}
_OWN = "(select id from participants where profile_id = %(sub)s)"
_THEIRS = f"related_participant_id = {_OWN}"
_PARTICIPANT = {
    **_MEMBER,
    "participants": "profile_id = %(sub)s",
    "shifts": f"participant_id = {_OWN}",
    "sms_logs": _THEIRS,
    "sms_log_events": f"sms_log_id in (select id from sms_logs where {_THEIRS})",
}
_SEES: dict[str, dict[str, str]] = {
    "anonymous": {},
    "inactive": {"sealing_keys": "true"},
    "newcomer": _MEMBER,
    "participant": _PARTICIPANT,
    "worker": _WORKER,
    "coordinator": _COORDINATOR,
    "admin": _ADMIN,
    "platform_admin": {**_ADMIN, "organizations": "true", "profiles": "true"},
    "service_role": dict.fromkeys(set(TABLES) - _NOBODYS_TABLES, "true"),
}

# The seed says the same of both organizations in places; from here on every text tells its row.
STAMP = """
    update organizations set
        name = name || ' ' || left(md5(id::text), 8),
        twilio_auth_token = left(twilio_auth_token, 52) || 'twilio' || md5(id::text),
        xero_client_secret = left(xero_client_secret, 52) || 'secret' || md5(id::text),
        xero_token_set = left(xero_token_set, 52) || 'tokens' || md5(id::text);
    update profiles set
        first_name = 'First ' || left(md5(id::text), 8), last_name = 'Last ' || md5(id::text),
        email = left(md5(id::text), 8) || '@example.org',
        phone = '+61' || translate(left(id::text, 1), 'ab', '12') || '00000' || right(id::text, 3);
    update workers set display_name = 'Worker ' || md5(id::text);
    update participants set display_name = 'Participant ' || md5(id::text);
    update sms_logs set
        message_body = 'Body ' || md5(id::text), idempotency_key = 'key ' || md5(id::text),
        to_phone = '+61' || translate(left(id::text, 1), 'ab', '34') || '0' || right(id::text, 7),
        error_message = 'Error ' || md5(id::text);
    update sms_log_events set note = 'Note ' || md5(sms_log_id::text);
    update credential_events set kid = 'key of ' || md5(organization_id::text);
    update xero_connections set last_error = 'Error ' || md5(organization_id::text);
    update xero_leftovers set
        xero_client_secret = left(xero_client_secret, 52) || 'left' || md5(organization_id::text),
        xero_token_set = left(xero_token_set, 52) || 'over' || md5(organization_id::text)
"""


def find_canaries(owner: psycopg.Connection[dict[str, Any]], persona: str) -> frozenset[str]:
    """Return every stored value of eight characters or more that is not `persona`'s to see."""
    parameters = PERSONAS.get(persona, {})
    sees = _SEES[persona.removeprefix("other_")]
    seen, unseen = set[str](), set[str]()
    for table in TABLES:
        where = sees.get(table, "false")
        rows = owner.execute(
            f"select {where} as seen, to_jsonb(t) as row from {table} as t".encode(), parameters
        )
        for row in rows:
            for column, value in row["row"].items():
                theirs = row["seen"] and column not in _NOBODYS_COLUMNS
                (seen if theirs else unseen).add(str(value))
    return frozenset(
        value
        for value in unseen - seen
        if len(value) >= _SHORTEST and any(letter.isdigit() for letter in value)
    )
