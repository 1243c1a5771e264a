"""From an error to the page that tells it: what happened, whether anything changed, what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ephraim_db.errors import (
    Forbidden,
    NotFound,
    NotSignedIn,
    TimedOut,
    Unavailable,
)
from ephraim_db.web.refusals import Missing, Refusal, SessionEnded, SignedOut

if TYPE_CHECKING:
    from ephraim_db.web.site import Site
    from ephraim_db.web.visits import Kept


@dataclass(frozen=True, slots=True)
class Told:
    """A refusal as a page tells it."""

    status: int
    title: str
    text: str
    sign_in: bool = False


def refused(request: Request, error: Exception, kept: Kept | None = None) -> Response:
    """Return the page for `error`; `kept` is a form to offer again after signing in."""
    site: Site = request.app.state.site
    told = _told(error)
    context = {"refusal": told, "kept": kept}
    response = site.page(request, "refusal.html", context, status=told.status)
    if told.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


async def handle(request: Request, error: Exception) -> Response:
    """Answer an error that a handler let through: Starlette calls this."""
    return refused(request, error)


def _told(error: Exception) -> Told:
    match error:
        case SignedOut():
            return Told(401, error.title, str(error), sign_in=True)
        case Refusal():
            return Told(error.status, error.title, str(error))
        case NotSignedIn():
            return Told(401, SessionEnded.title, str(SessionEnded()), sign_in=True)
        case Forbidden():
            return Told(403, "Nothing was changed", str(error))
        case NotFound():
            return Told(403, "You are not a member yet", _NO_MEMBER)
        case TimedOut():
            return Told(504, "That took too long", _TOO_LONG)
        case Unavailable():
            return Told(503, "The database does not answer", _UNAVAILABLE)
        case HTTPException(status_code=404):
            return Told(404, Missing.title, str(Missing()))
        case HTTPException():
            return Told(error.status_code, "That did not work", _UNREADABLE)
        case _:
            return Told(500, "Something went wrong here", _BROKEN)


_NO_MEMBER = (
    "You are signed in, but you belong to no organization here, or you have left it. "
    "Ask an admin to add you."
)
_TOO_LONG = "A change may have been made. Go back and look before you try again."
_UNAVAILABLE = "Nothing was changed. Try again in a minute."
_UNREADABLE = "The request could not be read. Nothing was changed."
_BROKEN = "It has been recorded. Go back and look whether your change was made."
