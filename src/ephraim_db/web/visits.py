"""From a request to a handler that knows who is asking, and back to a page when it goes no further.

GET:   session --> handler(visit)
POST:  origin, body --> session --> form token --> handler(visit, form)
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace

from starlette.requests import Request
from starlette.responses import Response

from ephraim_db.web.forgery import FIELD, check_form_token, check_origin
from ephraim_db.web.forms import Form, read_form
from ephraim_db.web.refusals import SignedOut
from ephraim_db.web.refusing import refused
from ephraim_db.web.sessions import read_session
from ephraim_db.web.site import Site, Visit

Handler = Callable[[Request], Awaitable[Response]]
Reader = Callable[[Visit], Awaitable[Response]]
Writer = Callable[[Visit, Form], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Field:
    """A field whose contents outlive a session that ended; a password's do not."""

    name: str
    label: str
    type: str = "text"
    value: str = ""


@dataclass(frozen=True, slots=True)
class Kept:
    """A form to offer again once its sender has signed in."""

    action: str
    form_token: str
    fields: tuple[Field, ...]


def signed_in(reader: Reader) -> Handler:
    """Return a handler of GET that has a session, or refuses."""

    async def handler(request: Request) -> Response:
        return await reader(await _visit(request))

    return handler


def posted(writer: Writer, *, keep: tuple[Field, ...] = ()) -> Handler:
    """Return a handler of POST that only our own forms reach; `keep` is offered again."""

    async def handler(request: Request) -> Response:
        site = site_of(request)
        check_origin(request, site.origin)
        form = await read_form(request)
        try:
            visit = await _visit(request)
        except SignedOut as refusal:
            kept = Kept(request.url.path, form[FIELD], tuple(_filled(form, keep)))
            return refused(request, refusal, kept if keep else None)
        check_form_token(form[FIELD], visit.session.user, site.form_key)
        return await writer(visit, form)

    return handler


def site_of(request: Request) -> Site:
    """Return the site that the request came to."""
    site: Site = request.app.state.site
    return site


async def _visit(request: Request) -> Visit:
    site = site_of(request)
    session = await read_session(request, site.keys, site.issuer, site.cookie)
    return Visit(site, request, session, site.client(session))


def _filled(form: Form, fields: tuple[Field, ...]) -> Iterator[Field]:
    for field in fields:
        yield field if field.type == "password" else replace(field, value=form[field.name])
