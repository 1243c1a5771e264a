"""Why a request goes no further: each refusal knows its HTTP status and what to tell the reader."""

from __future__ import annotations

from typing import ClassVar

from ephraim_db.errors import EphraimError


class Refusal(EphraimError):
    """The request was refused."""

    status: ClassVar[int] = 400
    title: ClassVar[str] = "That did not work"


class SignedOut(Refusal):
    """Sign in to see this page."""

    status = 401
    title = "Sign in"


class SessionEnded(SignedOut):
    """Your session has ended. Sign in again to go on."""

    title = "Your session has ended"


class ForgedForm(Refusal):
    """The form did not come from this page, or it was open too long. Nothing was changed."""

    status = 403
    title = "Nothing was changed"


class TooLarge(Refusal):
    """The request is larger than any form on this page. Nothing was changed."""

    status = 413
    title = "That is too much"


class Missing(Refusal):
    """There is no such page, or none that you may see."""

    status = 404
    title = "Page not found"
