"""Development only: a bar to act as one persona after another.

choice --POST--> the session cookie that Supabase's helpers would set --> the page, as that persona
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ephraim_db.web.cookies import session_cookie
from ephraim_db.web.forgery import check_origin
from ephraim_db.web.forms import read_form

SIGNED_OUT = "signed_out"


@dataclass(frozen=True, slots=True)
class PersonaBar:
    """What the bar shows; `back` is the path to return to."""

    choices: tuple[str, ...]
    current: str
    back: str


@dataclass(frozen=True, slots=True)
class Personas:
    """The personas by name, and a function that makes an access token for one."""

    names: tuple[str, ...]
    issue_token: Callable[[str], str]

    def bar(self, request: Request) -> PersonaBar:
        """Return the bar, with the persona chosen last."""
        current = request.cookies.get("persona", SIGNED_OUT)
        return PersonaBar((*self.names, SIGNED_OUT), current, request.url.path)

    def switch(self, name: str, cookie: str, back: str) -> Response:
        """Return to `back` as the persona `name`, or as nobody."""
        response = RedirectResponse(back, status_code=303)
        if name in self.names:
            value = session_cookie(self.issue_token(name))
            response.set_cookie(cookie, value, samesite="lax")
            response.set_cookie("persona", name, samesite="lax", httponly=True)
        else:
            response.delete_cookie(cookie)
            response.delete_cookie("persona")
        return response


async def act_as(request: Request) -> Response:
    """Switch persona, for the bar's form."""
    site = request.app.state.site
    check_origin(request, site.origin)
    form = await read_form(request)
    back: str = site.path(request, "home")
    if form["back"].startswith("/") and not form["back"].startswith(("//", "/\\")):
        back = form["back"]
    response: Response = site.personas.switch(form["persona"], site.cookie, back)
    return response
