"""An organization's Twilio credential: read from the database, opened here and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from pydantic import SecretStr

from ephraim_db.database import Steps, first_row
from ephraim_db.errors import TwilioNotConfigured
from ephraim_db.sealing import Keyring, Place, open_envelope

_READ = """
select
    o.name,
    o.twilio_account_sid,
    o.twilio_auth_token,
    o.twilio_phone_number,
    coalesce((o.settings ->> 'sms_enabled')::boolean, false) as sms_enabled,
    (
        select max(e.created_at)
        from public.credential_events as e
        where e.organization_id = o.id and e.field = 'twilio_account_sid'
    ) as since
from public.organizations as o
where o.id = %(organization_id)s
"""
_NEEDED = ("twilio_account_sid", "twilio_auth_token", "twilio_phone_number")


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Account:
    """An organization's Twilio account. `auth_token` shows in no repr; `from_phone` is E.164.

    `since` is when its SID was entered: of messages before then, this account knows nothing.
    """

    organization_id: UUID
    organization_name: str
    sid: str
    auth_token: SecretStr
    from_phone: str = field(repr=False)
    sms_enabled: bool
    since: datetime | None


def load_account(organization_id: UUID, keyring: Keyring) -> Steps[Account]:
    """Return the account; `TwilioNotConfigured` names what is missing."""
    row = yield from first_row(_READ, organization_id=organization_id)
    missing = tuple(name for name in _NEEDED if row is None or row[name] is None)
    if row is None or missing:
        raise TwilioNotConfigured(organization_id, missing)
    place = Place(organization_id, "twilio", "twilio_auth_token")
    return Account(
        organization_id=organization_id,
        organization_name=row["name"],
        sid=row["twilio_account_sid"],
        auth_token=SecretStr(open_envelope(row["twilio_auth_token"], place, keyring)),
        from_phone=row["twilio_phone_number"],
        sms_enabled=row["sms_enabled"],
        since=row["since"],
    )
