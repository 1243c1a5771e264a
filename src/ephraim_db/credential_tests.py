"""Testing a credential: an admin asks, the sender sends, and the log tells what became of it.

request_credential_test --row in credential_tests--> sender --message keyed `test <id>`--> sms_logs
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from ephraim_db.errors import AdminRequired, Forbidden, InvalidInput
from ephraim_db.profiles import get_profile
from ephraim_db.sms_logs import COLUMNS, SmsLog
from ephraim_db.steps import Insert, Read, Row, Steps, caller, equals, insert, read

_PROVIDERS = ("twilio", "xero")
_EVENTS, _TESTS = "organization.credential_events", "organization.credential_tests"
_NEWEST = (
    "organization:organizations!organization_id("
    "credential_events(created_at),credential_tests(id,created_at))"
)
_FILTERS = (
    (f"{_EVENTS}.provider", "eq.twilio"),
    (f"{_EVENTS}.event", "in.(set,cleared)"),
    (f"{_EVENTS}.order", "created_at.desc"),
    (f"{_EVENTS}.limit", "1"),
    (f"{_TESTS}.provider", "eq.twilio"),
    (f"{_TESTS}.used_at", "not.is.null"),
    (f"{_TESTS}.order", "created_at.desc"),
    (f"{_TESTS}.limit", "1"),
)


def key_of_test(test_id: UUID) -> str:
    """Return the idempotency key of the message that a test sends."""
    return f"test {test_id}"


def request_credential_test(provider: str) -> Steps[UUID]:
    """Ask as the caller; the database refuses all but admins, and too many in a row."""
    if provider not in _PROVIDERS:
        raise InvalidInput("provider", f"is none of {', '.join(_PROVIDERS)}")
    profile = yield from get_profile()
    values = {"organization_id": str(profile.organization_id), "provider": provider}
    try:
        row = yield from insert(Insert("credential_tests", ("id",), values))
    except Forbidden:
        raise AdminRequired from None
    return UUID(row["id"])


def get_last_twilio_test() -> Steps[SmsLog | None]:
    """Return the message of the last test since the credential was changed."""
    user = yield from caller()
    mine = (equals("id", user), *_FILTERS)
    found = yield from read(Read("profiles", Row, (_NEWEST,), mine))
    organization = found[0]["organization"] if found else None
    if not organization:
        return None
    events, tests = organization["credential_events"], organization["credential_tests"]
    if not events or not tests or _moment(tests) < _moment(events):
        return None
    key = key_of_test(UUID(tests[0]["id"]))
    rows = yield from read(Read("sms_logs", SmsLog, COLUMNS, (equals("idempotency_key", key),)))
    return rows[0] if rows else None


def _moment(rows: list[dict[str, str]]) -> datetime:
    return datetime.fromisoformat(rows[0]["created_at"])
