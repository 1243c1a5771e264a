"""The caller's organization: what a page may show of it, and what its admins may change.

settings --checked--> secrets sealed --> Update --> read again, since the database has its say
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from uuid import UUID

from pydantic import SecretStr

from ephraim_db import inputs
from ephraim_db.errors import AdminRequired, Forbidden, NoSealingKey, Rejected
from ephraim_db.inputs import Clear
from ephraim_db.profiles import no_profile
from ephraim_db.sealing import Place, PublicKey
from ephraim_db.sealing_keys import active_key, sealed
from ephraim_db.steps import Read, Steps, Update, caller, equals, read, update


@dataclass(frozen=True, slots=True)
class Organization:
    """An organization as its members see it. Of a secret, only whether it is set."""

    id: UUID
    name: str
    abn: str | None
    sms_enabled: bool
    xero_connected: bool
    ndia_registered: bool
    twilio_account_sid: str | None
    twilio_auth_token_set: bool
    twilio_phone_number: str | None
    xero_client_id: str | None
    xero_client_secret_set: bool
    xero_tenant_id: str | None
    xero_token_set_set: bool
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class _Flags:
    """The column settings; a flag that was never set is False."""

    sms_enabled: bool = False
    xero_connected: bool = False
    ndia_registered: bool = False


@dataclass(frozen=True, slots=True)
class _Stored:
    """The row of an organization: its columns, by name."""

    id: UUID
    name: str
    abn: str | None
    settings: _Flags
    twilio_account_sid: str | None
    twilio_auth_token_set: bool
    twilio_phone_number: str | None
    xero_client_id: str | None
    xero_client_secret_set: bool
    xero_tenant_id: str | None
    xero_token_set_set: bool
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class _Mine:
    """The row of a profile, with the organization it is of, if that may be seen."""

    organization: _Stored | None


_COLUMNS = ",".join(column.name for column in fields(_Stored))
MINE = Read("profiles", _Mine, (f"organization:organizations!organization_id({_COLUMNS})",))


def get_organization() -> Steps[Organization]:
    """Return the caller's organization in one read, through their profile."""
    user = yield from caller()
    rows = yield from read(replace(MINE, filters=(equals("id", user),)))
    if not rows or rows[0].organization is None:
        raise no_profile(user)
    stored = rows[0].organization
    columns = {f.name: getattr(stored, f.name) for f in fields(stored) if f.name != "settings"}
    return Organization(**columns, **asdict(stored.settings))


def update_organization_settings(
    *,
    name: str | None,
    abn: str | Clear | None,
    sms_enabled: bool | None,
    ndia_registered: bool | None,
    twilio_account_sid: str | Clear | None,
    twilio_auth_token: SecretStr | Clear | None,
    twilio_phone_number: str | Clear | None,
    xero_client_id: str | Clear | None,
    xero_client_secret: SecretStr | Clear | None,
    sealing_key: PublicKey | None,
) -> Steps[Organization]:
    """Change what is given, then return the organization as the database has it.

    `sealing_key` is the pinned one, or None to take the database's word.
    """
    values = inputs.changes(
        (
            ("name", name, inputs.name),
            ("abn", abn, inputs.abn),
            ("twilio_account_sid", twilio_account_sid, inputs.account_sid),
            ("twilio_phone_number", twilio_phone_number, inputs.phone),
            ("xero_client_id", xero_client_id, inputs.line),
            ("twilio_auth_token", twilio_auth_token, inputs.secret),
            ("xero_client_secret", xero_client_secret, inputs.secret),
        )
    )
    # Only the flags that change: the database merges them into the others.
    flags = inputs.changes(
        (
            ("sms_enabled", sms_enabled, inputs.flag),
            ("ndia_registered", ndia_registered, inputs.flag),
        )
    )
    if flags:
        values["settings"] = flags
    organization = yield from get_organization()
    if not values:
        return organization
    try:
        touched = yield from _store(values, organization.id, sealing_key)
    except Forbidden:
        touched = 0
    if not touched:
        raise AdminRequired
    return (yield from get_organization())


def _store(
    values: dict[str, object], organization_id: UUID, sealing_key: PublicKey | None
) -> Steps[int]:
    if not any(isinstance(value, SecretStr) for value in values.values()):
        return (yield from update(Update("organizations", organization_id, values)))
    key = yield from active_key(sealing_key)
    try:
        return (yield from update(_sealed(values, organization_id, key)))
    except Rejected:  # perhaps because the key was retired in between; nothing was stored
        try:
            current = yield from active_key(sealing_key)
        except NoSealingKey:
            current = key
        if current == key:
            raise
    return (yield from update(_sealed(values, organization_id, current)))


def _sealed(values: dict[str, object], organization_id: UUID, key: PublicKey) -> Update:
    envelopes = {
        field: sealed(value, Place(organization_id, field.partition("_")[0], field), key)
        for field, value in values.items()
        if isinstance(value, SecretStr)
    }
    return Update("organizations", organization_id, {**values, **envelopes})
