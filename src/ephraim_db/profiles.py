"""The caller's own profile, and whether an SMS may be sent to them."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from ephraim_db import inputs
from ephraim_db.errors import NotFound
from ephraim_db.inputs import Clear
from ephraim_db.steps import Read, Steps, Update, caller, equals, read, update


class MemberRole(StrEnum):
    """What a member is in their organization."""

    ADMIN = "admin"
    COORDINATOR = "coordinator"
    WORKER = "worker"
    PARTICIPANT = "participant"


@dataclass(frozen=True, slots=True)
class Profile:
    """A signed-in user: one organization, one member role. `phone` is E.164."""

    id: UUID
    organization_id: UUID
    role: MemberRole
    first_name: str = field(repr=False)
    last_name: str = field(repr=False)
    email: str = field(repr=False)
    phone: str | None = field(repr=False)
    sms_notifications_enabled: bool
    is_platform_admin: bool
    created_at: datetime
    updated_at: datetime


_COLUMNS = tuple(column.name for column in fields(Profile))


def get_profile() -> Steps[Profile]:
    """Return the caller's profile."""
    user = yield from caller()
    rows = yield from read(Read("profiles", Profile, _COLUMNS, (equals("id", user),)))
    if not rows:
        raise no_profile(user)
    return rows[0]


def update_sms_preferences(
    *, phone: str | Clear | None, sms_notifications_enabled: bool | None
) -> Steps[Profile]:
    """Change what is given of the caller's own profile, then return it as it is stored."""
    values = inputs.changes(
        (
            ("phone", phone, inputs.phone),
            ("sms_notifications_enabled", sms_notifications_enabled, inputs.flag),
        )
    )
    if values:
        user = yield from caller()
        if not (yield from update(Update("profiles", user, values))):
            raise no_profile(user)
    return (yield from get_profile())


def no_profile(user: UUID) -> NotFound:
    """Return the error for a user who signed in and is no member."""
    return NotFound(f"user {user} has no active profile: an admin adds or reactivates one")
