"""`AsyncClient`: every step awaits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any
from uuid import UUID

import httpx
import supabase
from pydantic import SecretStr

from ephraim_db import (
    credential_tests,
    organizations,
    profiles,
    rest,
    sms_log_events,
    sms_logs,
    sms_outcomes,
    xero_connections,
)
from ephraim_db.client.sending import OPTIONS, TIMEOUT, explain, raised
from ephraim_db.errors import SupabaseError
from ephraim_db.identity import identify
from ephraim_db.inputs import Clear, conceal
from ephraim_db.organizations import Organization
from ephraim_db.profiles import Profile
from ephraim_db.run import run_async
from ephraim_db.sealing import PublicKey
from ephraim_db.sms_log_events import SmsLogEvent
from ephraim_db.sms_logs import SmsLog, SmsLogPage, SmsStatus
from ephraim_db.sms_outcomes import SmsOutcome
from ephraim_db.steps import Caller, Insert, Pause, Read, Result, Step, Steps, Update
from ephraim_db.xero_connections import XeroConnection


class AsyncClient:
    """What a signed-in user may do with their organization's settings and SMS log.

    `client` is a `supabase.AsyncClient` on which that user is signed in; a client of a service
    role is refused. Make one per user: sharing one makes requests as somebody else. `timeout` is
    seconds for each of connecting, sending and receiving; reads are tried three times while
    Supabase is unavailable, writes once. The caller closes `client`.

    `sealing_key` pins the key that secrets are sealed to. Without it the database is asked which,
    so whoever can change its rows could offer a key of their own.

    Every method raises `InvalidInput` before anything is sent, `NotSignedIn`, `ServiceKeyRefused`,
    or one of the other `SupabaseError`s.
    """

    def __init__(
        self,
        client: supabase.AsyncClient,
        *,
        sealing_key: PublicKey | None = None,
        timeout: float = TIMEOUT,
    ) -> None:
        """Wrap a client that the caller built, and will close."""
        if not isinstance(client, supabase.AsyncClient):
            raise TypeError("AsyncClient wraps a supabase.AsyncClient")
        self._supabase = client
        self._sealing_key = sealing_key
        self._timeout = timeout

    async def get_organization(self) -> Organization:
        """Return the user's organization: of each secret, only whether it is set.

        Raises `NotFound` if the user has no active profile.
        """
        return await self._run(organizations.get_organization())

    async def update_organization_settings(
        self,
        *,
        name: str | None = None,
        abn: str | Clear | None = None,
        sms_enabled: bool | None = None,
        ndia_registered: bool | None = None,
        twilio_account_sid: str | Clear | None = None,
        twilio_auth_token: str | SecretStr | Clear | None = None,
        twilio_phone_number: str | Clear | None = None,
        xero_client_id: str | Clear | None = None,
        xero_client_secret: str | SecretStr | Clear | None = None,
    ) -> Organization:
        """Change what is given, and return the organization as it is stored then.

        What is left out (or None) stays; so does a secret that is blank, as a form sends it.
        `CLEAR` removes. A new `twilio_account_sid` or `xero_client_id` without its secret removes
        the stored secret, which belonged to the account before: look at `twilio_auth_token_set`.
        Secrets are sealed before they are sent. `xero_connected` is set by connecting Xero.

        Raises `AdminRequired` if the database takes the user for no admin of the organization,
        `NoSealingKey` if a secret is given and there is no key to seal it to, `PinnedKeyMismatch`
        if it is another than the pinned one.
        """
        token, client_secret = conceal(twilio_auth_token), conceal(xero_client_secret)
        del twilio_auth_token, xero_client_secret
        return await self._run(
            organizations.update_organization_settings(
                name=name,
                abn=abn,
                sms_enabled=sms_enabled,
                ndia_registered=ndia_registered,
                twilio_account_sid=twilio_account_sid,
                twilio_auth_token=token,
                twilio_phone_number=twilio_phone_number,
                xero_client_id=xero_client_id,
                xero_client_secret=client_secret,
                sealing_key=self._sealing_key,
            )
        )

    async def list_sms_logs(
        self,
        *,
        status: SmsStatus | str | None = None,
        created_from: datetime | None = None,
        created_before: datetime | None = None,
        related_shift_id: UUID | str | None = None,
        related_worker_id: UUID | str | None = None,
        related_participant_id: UUID | str | None = None,
        page_size: int = 50,
        after: str | None = None,
    ) -> SmsLogPage:
        """Return a page of the SMS log, newest first, at most 500 messages.

        Staff read their organization's, a participant the messages sent to them. `created_from` is
        included, `created_before` is not; both need a time zone. `after` is the `next` of the page
        before, with the same filters. Pages hold steady while messages arrive.
        """
        return await self._run(
            sms_logs.list_sms_logs(
                status=status,
                created_from=created_from,
                created_before=created_before,
                related_shift_id=related_shift_id,
                related_worker_id=related_worker_id,
                related_participant_id=related_participant_id,
                page_size=page_size,
                after=after,
            )
        )

    async def iter_sms_logs(
        self,
        *,
        status: SmsStatus | str | None = None,
        created_from: datetime | None = None,
        created_before: datetime | None = None,
        related_shift_id: UUID | str | None = None,
        related_worker_id: UUID | str | None = None,
        related_participant_id: UUID | str | None = None,
        page_size: int = 200,
    ) -> AsyncIterator[SmsLog]:
        """Iterate over the SMS log, newest first, fetching a page when the one before is used up.

        The filters are those of `list_sms_logs`.
        """
        after = None
        while True:
            page = await self.list_sms_logs(
                status=status,
                created_from=created_from,
                created_before=created_before,
                related_shift_id=related_shift_id,
                related_worker_id=related_worker_id,
                related_participant_id=related_participant_id,
                page_size=page_size,
                after=after,
            )
            for item in page.items:
                yield item
            if (after := page.next) is None:
                return

    async def get_sms_log(self, sms_log_id: UUID | str) -> SmsLog:
        """Return one message of the SMS log.

        Raises `NotFound` if there is none with that id that the user may read.
        """
        return await self._run(sms_logs.get_sms_log(sms_log_id))

    async def list_sms_log_events(self, sms_log_id: UUID | str) -> tuple[SmsLogEvent, ...]:
        """Return what was heard about a message, oldest first, at most 500 events.

        Whoever may read the message may read them; for anybody else there are none.
        """
        return await self._run(sms_log_events.list_sms_log_events(sms_log_id))

    async def count_sms_outcomes(
        self, *, created_from: datetime, created_before: datetime, time_zone: str = "UTC"
    ) -> tuple[SmsOutcome, ...]:
        """Return how many messages were written each day, by their status now.

        Days begin at midnight in `time_zone`, an IANA name; at most 62 days can be asked about.
        The database counts, and counts what the user may read.
        """
        return await self._run(
            sms_outcomes.count_sms_outcomes(
                created_from=created_from, created_before=created_before, time_zone=time_zone
            )
        )

    async def get_xero_connection(self) -> XeroConnection | None:
        """Return the organization's Xero connection.

        None if there is none, or the user is not staff.
        """
        return await self._run(xero_connections.get_xero_connection())

    async def request_credential_test(self, provider: str = "twilio") -> UUID:
        """Ask for a test of the stored credential; pass the id to the sender's `send_test_sms`.

        The database takes the request from admins only, five in ten minutes for an organization;
        it is good once, for ten minutes. `provider` is twilio or xero.

        Raises `AdminRequired`, `TooSoon`.
        """
        return await self._run(credential_tests.request_credential_test(provider))

    async def get_last_twilio_test(self) -> SmsLog | None:
        """Return the message of the last test of the stored Twilio credential.

        None if it was not tested since it was changed, or the user is not an admin.
        """
        return await self._run(credential_tests.get_last_twilio_test())

    async def get_profile(self) -> Profile:
        """Return the user's own profile.

        Raises `NotFound` if the user has no active profile.
        """
        return await self._run(profiles.get_profile())

    async def update_sms_preferences(
        self,
        *,
        phone: str | Clear | None = None,
        sms_notifications_enabled: bool | None = None,
    ) -> Profile:
        """Change the user's own phone (E.164) and whether to notify it; return the profile.

        What is left out (or None) stays; `phone=CLEAR` removes it.

        Raises `NotFound` if the user has no active profile.
        """
        return await self._run(
            profiles.update_sms_preferences(
                phone=phone, sms_notifications_enabled=sms_notifications_enabled
            )
        )

    async def _run(self, steps: Steps[Result]) -> Result:
        return await run_async(steps, self._perform)

    async def _perform(self, step: Step) -> object:
        match step:
            case Caller():
                return await self._caller()
            case Pause():
                await asyncio.sleep(step.seconds)
                return None
            case Read() | Update() | Insert():
                return await self._send(step)

    async def _caller(self) -> UUID:
        answer: UUID | SupabaseError
        try:
            await self._supabase.auth.get_session()  # renews a session that is over
        except supabase.AuthError as error:
            answer = explain(error)
        else:
            answer = identify(self._supabase.postgrest.headers.get("Authorization", ""))
        return raised(answer)

    async def _send(self, step: Read[Any] | Update | Insert) -> object:
        postgrest = self._supabase.postgrest
        answer: object
        try:
            response = await postgrest.session.request(
                **rest.request(step, str(postgrest.base_url), postgrest.headers),
                timeout=self._timeout,
                **OPTIONS,
            )
        except (httpx.HTTPError, RuntimeError) as error:
            answer = explain(error)
        else:
            answer = rest.outcome(step, response.status_code, response.headers, response.content)
        return raised(answer)
