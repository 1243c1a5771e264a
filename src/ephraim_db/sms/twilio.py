"""The calls to Twilio: asked for as steps, made by Twilio's own SDK, answered as values.

CreateMessage --SDK--> Taken | Refused | Busy | NoAnswer
ListMessages, FetchMessage --SDK--> [Heard, ...] | the same

No exception leaves here: the SDK's frames hold the auth token, and a traceback shows frames.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from weakref import WeakKeyDictionary

from twilio.base.exceptions import TwilioRestException, TwilioServiceException
from twilio.base.version import Version
from twilio.http.response import Response
from twilio.rest import Client

from ephraim_db.sms.credential import Account
from ephraim_db.sms.http import NEVER_SENT, Http, TooManyRequests


@dataclass(frozen=True, slots=True)
class CreateMessage:
    """Ask Twilio to send. It may do so and not live to say it: see `NoAnswer`.

    It is not asked after `deadline`, in seconds of `time.monotonic`.
    """

    account: Account
    to: str = field(repr=False)
    body: str = field(repr=False)
    status_callback: str | None
    deadline: float


@dataclass(frozen=True, slots=True)
class ListMessages:
    """Ask which messages the account sent to a number, newest first; back to `since`, at least."""

    account: Account
    to: str = field(repr=False)
    since: datetime


@dataclass(frozen=True, slots=True)
class FetchMessage:
    """Ask what became of one message."""

    account: Account
    sid: str


@dataclass(frozen=True, slots=True)
class Heard:
    """What Twilio knows of a message. `status` is in Twilio's words, `created_at` in UTC."""

    sid: str
    status: str
    error_code: int | None
    body: str = field(repr=False)
    created_at: datetime | None


@dataclass(frozen=True, slots=True)
class Refused:
    """Twilio answered no, with its error code: nothing was sent."""

    code: int
    said: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Busy:
    """Twilio asks to come again, after so many seconds if it says so: nothing was sent."""

    code: int
    seconds: float | None


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """No answer that says what happened; if `handed_over`, it may have been sent."""

    handed_over: bool
    why: str


Call = CreateMessage | ListMessages | FetchMessage
Failure = Refused | Busy | NoAnswer

_PAGE = 100


class Twilio:
    """Performs the calls, on one event loop. `base_url` stands in for https://api.twilio.com."""

    def __init__(self, base_url: str | None = None) -> None:
        """Open no connection yet."""
        self._http = Http(base_url)
        self._clients: WeakKeyDictionary[Account, Client] = WeakKeyDictionary()

    async def perform(self, call: Call) -> Heard | list[Heard] | Failure:
        """Make one call; whatever happens is an answer."""
        try:
            client = self._client(call.account)
            if isinstance(call, CreateMessage):
                if time.monotonic() > call.deadline:
                    return NoAnswer(False, "it was not this message's turn in time")
                return _heard(await client.messages.create_async(**_message(call)))
            if isinstance(call, FetchMessage):
                return _heard(await client.messages(call.sid).fetch_async())
            found = []
            async for message in await client.messages.stream_async(to=call.to, page_size=_PAGE):
                if message.date_created and message.date_created < call.since:
                    break
                found.append(_heard(message))
            return found
        except Exception as failure:
            return _failure(failure)
        except BaseException as stop:  # an interrupt takes none of the SDK's frames along
            raise stop.with_traceback(None) from None

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    def _client(self, account: Account) -> Client:
        # For as long as somebody sends from the account, and no longer: it holds the token.
        client = self._clients.get(account)
        if client is None:
            token = account.auth_token.get_secret_value()
            client = self._clients[account] = Client(account.sid, token, http_client=self._http)
        return client


def _message(call: CreateMessage) -> dict[str, Any]:
    message = {"to": call.to, "from_": call.account.from_phone, "body": call.body}
    if call.status_callback is not None:
        message["status_callback"] = call.status_callback
    return message


def _heard(message: Any) -> Heard:
    return Heard(
        sid=message.sid,
        status=message.status,
        error_code=message.error_code,
        body=message.body,
        created_at=message.date_created,
    )


def _failure(failure: Exception) -> Failure:
    # A page that cannot be listed is told apart by its response only.
    for response in failure.args:
        if isinstance(response, Response):
            failure = Version.exception("GET", "", response, "")
    if isinstance(failure, TooManyRequests):
        return Busy(failure.code, failure.seconds)
    if isinstance(failure, TwilioRestException) and 400 <= failure.status < 500:
        return Refused(failure.code or failure.status, str(failure.msg))
    if isinstance(failure, TwilioServiceException) and 400 <= failure.status < 500:
        return Refused(failure.code, str(failure.title))
    if isinstance(failure, TwilioRestException | TwilioServiceException):
        return NoAnswer(True, f"HTTP {failure.status}")
    return NoAnswer(not isinstance(failure, NEVER_SENT), type(failure).__name__)
