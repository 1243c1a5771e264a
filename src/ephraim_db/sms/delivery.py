"""The endpoint Twilio reports to: an ASGI app that believes nothing unsigned.

POST ?organization&message --bounded--> account opened --signature--> event kept, row moved --> 204
                                                        └ missing, wrong, unknown sender --> 403
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.datastructures import ImmutableMultiDict
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from twilio.request_validator import RequestValidator

from ephraim_db.database import AsyncDatabase, Steps
from ephraim_db.errors import Rejected, SealingError, SupabaseError, TwilioNotConfigured
from ephraim_db.sealing import Keyring
from ephraim_db.sms.batching import Batches, RowCall
from ephraim_db.sms.callbacks import CallbackUrl, ids
from ephraim_db.sms.credential import Account, load_account
from ephraim_db.sms.log import advance

# A report has about ten short fields.
_LARGEST_BODY = 16_384
_MOST_FIELDS = 100
_LOGGER = logging.getLogger(__name__)

Form = ImmutableMultiDict[str, str]


def status_callbacks(
    database_url: str,
    keyring: Keyring,
    *,
    callback_url: str,
    path: str = "/{_:path}",
    connections: int = 4,
) -> Starlette:
    """Return the app to serve at `callback_url`, which is the sender's too.

    Signatures are checked against that URL and not against what a proxy made of it; so `path` may
    be whatever arrives here, by default anything.
    """
    url = CallbackUrl(callback_url)

    async def perform(step: RowCall) -> object:
        return await batches.perform(step)

    database = AsyncDatabase(database_url, connections=connections, perform=perform)
    batches = Batches(database.run)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with database:
            yield

    async def report(request: Request) -> Response:
        body = await _bounded(request)
        if body is None:
            return Response(status_code=413)
        query = request.scope["query_string"].decode("latin-1")
        signature = request.headers.get("X-Twilio-Signature", "")
        try:
            accepted = await database.run(_record(keyring, url, query, signature, body))
        except SupabaseError as error:
            _LOGGER.warning("a status callback could not be kept: %s", error)
            # What is refused for its values would be so again.
            return Response(status_code=403 if isinstance(error, Rejected) else 503)
        return Response(status_code=204 if accepted else 403)

    return Starlette(routes=[Route(path, report, methods=["POST"])], lifespan=lifespan)


def _record(
    keyring: Keyring, url: CallbackUrl, query: str, signature: str, body: bytes
) -> Steps[bool]:
    named = ids(query)
    if named is None or not signature:
        return False
    organization_id, sms_log_id = named
    try:
        account = yield from load_account(organization_id, keyring)
    except TwilioNotConfigured:
        return False
    except SealingError as error:
        _LOGGER.error("a status callback could not be checked: %s", error)
        return False
    form = _form(body)
    if form is None or not _is_signed(account, url.asked(query), form, signature):
        return False
    sid = form.get("MessageSid") or form.get("SmsSid")
    status = form.get("MessageStatus") or form.get("SmsStatus")
    if form.get("AccountSid") != account.sid or not sid or not status:
        return False
    if not (sid.isprintable() and status.isprintable()):  # Postgres takes no NUL, for one
        return False
    code = form.get("ErrorCode", "")
    yield from advance(
        organization_id,
        sms_log_id,
        "callback",
        sid=sid[:64],
        status=status[:64],
        code=int(code) if code.isdecimal() and len(code) < 10 else None,
    )
    return True


def _is_signed(account: Account, asked: str, form: Form, signature: str) -> bool:
    validator = RequestValidator(account.auth_token.get_secret_value())
    return bool(validator.validate(asked, form, signature))


def _form(body: bytes) -> Form | None:
    # Blank values are signed as well, so they must not be dropped.
    try:
        text = body.decode("utf-8")
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        return None
    return ImmutableMultiDict(pairs)


async def _bounded(request: Request) -> bytes | None:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST_BODY:
            return None
    return bytes(body)
