"""The one hierarchy of errors; catching `EphraimError` catches them all.

EphraimError
├── InvalidInput            a value was refused before anything was sent
├── MigrationError
│   ├── InvalidProject      no supabase folder, two files with one version, no UTF-8, bad TOML
│   ├── HistoryConflict     the ledger and the files tell different stories; nothing was applied
│   └── MigrationFailed     Postgres refused a statement of a migration or seed
├── SupabaseError           a call to Supabase did not end well
│   ├── NotSignedIn         no user, or the session is over
│   ├── ServiceKeyRefused   the client acts as service_role, not as a user
│   ├── Forbidden           the database does not let this user do that
│   │   └── AdminRequired   it lets the organization's admins do it
│   ├── NotFound            no such row, or none this user may see
│   ├── Rejected            the database refused the values
│   ├── TooSoon             it was asked for too often
│   ├── NotMigrated         a table or column is missing
│   ├── UnexpectedAnswer    the answer is not PostgREST's
│   ├── NoSealingKey        there is no key to seal to
│   ├── PinnedKeyMismatch   the key to seal to is not the pinned one
│   ├── NotTheSender        the login of a trusted service is not a member of ephraim_sender
│   └── Unavailable         try again later
│       ├── ConnectionFailed
│       └── TimedOut
├── PostgresError           a Postgres could not be started, reached or set up
│   ├── PostgresNotFound    no Postgres programs where we looked
│   ├── PortTaken           somebody listens on that port already
│   ├── WrongPassword       the server refused the login
│   └── DiskFull            no space left
├── PostgrestError          PostgREST could not be found or started
├── RlsError                RLS could not be observed
│   ├── InvalidPersonas     rls.toml does not say who is to be asked
│   ├── InvalidContract     rls.contract is missing, or a line of it states no fact
│   ├── CannotProbe         a run would have proved nothing
│   ├── CannotMutate        whether mutants are noticed cannot be told
│   └── LooksLikeProduction people seem to depend on the database
├── TransactionEnded        a test ended the transaction that keeps it apart from others
├── SmsError                a message was not sent, or not again
│   ├── TwilioNotConfigured the organization lacks a SID, a token or a number
│   ├── SmsSwitchedOff      the organization has switched SMS off
│   ├── OptedOut            the recipient has switched SMS off
│   ├── KeyReused           the idempotency key belongs to another message
│   ├── TestNotRequested    no admin asked for this test, or it was used
│   ├── TwilioRefused       Twilio refused it, and says why
│   └── TwilioUnreachable   Twilio could not be reached; nothing was sent
├── XeroError               a Xero connection could not be made, used or ended: xero/errors.py
└── SealingError
    ├── InvalidEnvelope     the text is not `seal:v1:<kid>:<base64url>`
    ├── InvalidKey          the text is not an X25519 key
    ├── NoPrivateKeys       the environment names none
    ├── UnknownKey          no private key with that kid
    ├── RotationError       a key could not be published or exchanged
    └── CannotOpen          wrong key, wrong context, truncated or forged
"""

# One file, long as it is: whoever writes one more error sees those there are, and every room may
# import it, since it imports none.

from __future__ import annotations

from pathlib import Path
from uuid import UUID


class EphraimError(Exception):
    """Something in ephraim_db failed."""

    def __init__(self, message: str = "") -> None:
        """Take `message`, or the first line of the class's docstring."""
        super().__init__(message or (type(self).__doc__ or "").splitlines()[0])


class InvalidInput(EphraimError, ValueError):
    """A value was refused before anything was sent."""

    def __init__(self, field: str, reason: str) -> None:
        """Name the `field` and say why; the value itself is never repeated."""
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class SupabaseError(EphraimError):
    """A call to Supabase did not end well."""


class NotSignedIn(SupabaseError):
    """No user is signed in, or the session is over: sign in and try again."""


class ServiceKeyRefused(SupabaseError):
    """The client acts as service_role, past row-level security: sign a user in instead."""


class Forbidden(SupabaseError):
    """The database does not let this user do that."""


class AdminRequired(Forbidden):
    """The database lets only admins of the organization change it: ask one of them."""


class NotFound(SupabaseError):
    """There is no such row, or none that this user may see."""


class Rejected(SupabaseError):
    """The database refused the values."""

    def __init__(self, code: str, constraint: str | None = None) -> None:
        """Keep the SQLSTATE or PostgREST `code` and the `constraint`; never the row."""
        by = f"by {constraint}" if constraint else "(its log says why)"
        super().__init__(f"the database refused the values {by}: {code}")
        self.code = code
        self.constraint = constraint


class TooSoon(SupabaseError):
    """It was asked for too often: wait ten minutes, then try again."""


class NotMigrated(SupabaseError):
    """The database lacks what is asked for."""

    def __init__(self, table: str, code: str) -> None:
        """Name the `table` that was asked, and the SQLSTATE or PostgREST `code`."""
        super().__init__(
            f"{table} is not as expected ({code}): apply supabase/migrations, then reload "
            "PostgREST's schema cache (notify pgrst, 'reload schema')"
        )
        self.table = table
        self.code = code


class UnexpectedAnswer(SupabaseError):
    """The answer is not one that PostgREST gives: check the URL and what stands in between."""

    def __init__(self, status: int, place: str | None = None) -> None:
        """Keep the HTTP `status`; the answer itself is not repeated.

        `place` is the table, row (from 0) and column of a value that is not of its type.
        """
        reason = (type(self).__doc__ or "").splitlines()[0]
        if place:
            reason = f"{place}: no value that this version knows. Apply supabase/migrations, or "
            reason += "upgrade ephraim_db, so that both are of one version."
        super().__init__(f"HTTP {status}: {reason}")
        self.status = status
        self.place = place


class NoSealingKey(SupabaseError):
    """The database names no active sealing key whose kid is its thumbprint: publish one."""


class NotTheSender(SupabaseError):
    """The login of a trusted service may not act as ephraim_sender."""

    def __init__(self, login: str) -> None:
        """Name the `login`."""
        super().__init__(
            f"login {login} may not act as ephraim_sender: as the database's owner, run "
            f'grant ephraim_sender to "{login}"'
        )
        self.login = login


class PinnedKeyMismatch(SupabaseError):
    """The database offers another sealing key than the pinned one; no secret was sent."""

    def __init__(self, pinned: str, offered: str) -> None:
        """Name both keys by kid."""
        super().__init__(
            f"the database offers sealing key {offered}, but {pinned} is pinned; no secret was "
            "sent. If the key was rotated, pin the new one. If not, somebody has swapped it."
        )
        self.pinned = pinned
        self.offered = offered


class Unavailable(SupabaseError):
    """Supabase could not answer: try again later."""


class ConnectionFailed(Unavailable):
    """Supabase could not be reached: check the URL and the network, then try again."""


class TimedOut(Unavailable):
    """Supabase did not answer in time. A change may have been made: read before trying again."""


class SmsError(EphraimError):
    """A message was not sent, or not again."""


class TwilioNotConfigured(SmsError):
    """The organization lacks what Twilio needs."""

    def __init__(self, organization_id: UUID, missing: tuple[str, ...]) -> None:
        """Name the columns that are `missing`; all of them, where there is no such organization."""
        super().__init__(
            f"organization {organization_id} has no {', '.join(missing)}: an admin enters them in "
            "the settings"
        )
        self.organization_id = organization_id
        self.missing = missing


class SmsSwitchedOff(SmsError):
    """The organization has switched SMS off: an admin sets sms_enabled in the settings."""


class OptedOut(SmsError):
    """The recipient has switched SMS off (sms_notifications_enabled): reach them another way."""


class KeyReused(SmsError):
    """The idempotency key belongs to another message: take a new key for each message."""

    def __init__(self, sms_log_id: UUID) -> None:
        """Name the message that the key belongs to."""
        super().__init__(f"{(type(self).__doc__ or '')} The other is sms_logs {sms_log_id}.")
        self.sms_log_id = sms_log_id


class TestNotRequested(SmsError):
    """No admin asked for this test, or it is old or used: the admin asks again, then test soon."""

    __test__ = False  # for pytest, which takes the name for a test's


class TwilioRefused(SmsError):
    """Twilio refused the message; nothing was sent."""

    def __init__(self, code: int, reason: str, sms_log_id: UUID) -> None:
        """Keep Twilio's error `code`, the `reason` with what to do, and the row that logs it."""
        super().__init__(f"Twilio refused the message ({code}): {reason}")
        self.code = code
        self.reason = reason
        self.sms_log_id = sms_log_id


class TwilioUnreachable(SmsError):
    """Twilio could not be reached, so nothing was sent: check the network, then send again."""

    def __init__(self, sms_log_id: UUID) -> None:
        """Name the row that logs it."""
        super().__init__()
        self.sms_log_id = sms_log_id


class XeroError(EphraimError):
    """A Xero connection could not be made, used or ended."""


class SealingError(EphraimError):
    """A secret could not be sealed or opened."""


class InvalidEnvelope(SealingError):
    """The text is not an envelope of the form seal:v1:<kid>:<base64url>."""

    def __init__(self, place: str = "") -> None:
        """Name the `place` (organization and field) it was found in; the text is not repeated."""
        default = (type(self).__doc__ or "").splitlines()[0]
        super().__init__(f"{place}: {default} Enter the secret again." if place else default)
        self.place = place


class InvalidKey(SealingError):
    """The text is not an X25519 key: 32 bytes in unpadded base64url."""


class NoPrivateKeys(SealingError):
    """No private keys: put JWKs into EPHRAIM_DB_KEYS, or paths into EPHRAIM_DB_KEYS_FILE."""


class UnknownKey(SealingError):
    """The keyring holds no private key with that kid."""

    def __init__(self, kid: str, place: str = "") -> None:
        """Remember which key was asked for, and for what `place`; a kid is public."""
        where = f"{place}: " if place else ""
        super().__init__(
            f"{where}no private key with kid {kid}: add it to EPHRAIM_DB_KEYS or "
            "EPHRAIM_DB_KEYS_FILE, or enter the secret again"
        )
        self.place = place
        self.kid = kid


class CannotOpen(SealingError):
    """The envelope does not open: wrong key, wrong place, truncated or forged."""

    def __init__(self, place: str, kid: str) -> None:
        """Name the `place` (organization and field) and the kid, never the content."""
        super().__init__(
            f"{place}: the envelope sealed to {kid} does not open here. It was sealed for another "
            "organization or field, or it was damaged. Enter the secret again."
        )
        self.place = place
        self.kid = kid


class RotationError(SealingError):
    """The key that secrets are sealed to could not be published or exchanged."""


class PostgresError(EphraimError):
    """A Postgres could not be started, reached or set up."""


class PostgresNotFound(PostgresError):
    """There are no Postgres programs where we looked."""


class PortTaken(PostgresError):
    """Somebody listens on that port already."""

    def __init__(self, port: int) -> None:
        """Name the `port`."""
        super().__init__(
            f"port {port} is taken on 127.0.0.1. Stop what listens there (ss -ltnp shows it), "
            "choose another port, or leave the port out and a free one is found."
        )
        self.port = port


class WrongPassword(PostgresError):
    """The server refused the login."""


class DiskFull(PostgresError):
    """There is no space left on the disk."""


class RlsError(EphraimError):
    """RLS could not be observed."""


class InvalidPersonas(RlsError):
    """The rls.toml does not say who is to be asked."""

    def __init__(self, path: Path, key: str, reason: str) -> None:
        """Name the file and the `key` in it, empty if it is the whole file; say what to do."""
        super().__init__(f"{path}: {key} {reason}" if key else f"{path}: {reason}")
        self.path = path
        self.key = key


class InvalidContract(RlsError):
    """rls.contract cannot be compared with."""

    def __init__(self, path: Path, line: int, problem: str) -> None:
        """Name the file, the `line` (0: the whole file) and what to do about it."""
        super().__init__(f"{path}:{line}: {problem}" if line else f"{path}: {problem}")
        self.path = path
        self.line = line


class CannotProbe(RlsError):
    """The run would have proved nothing."""


class CannotMutate(RlsError):
    """Whether mutants are noticed cannot be told."""


class LooksLikeProduction(RlsError):
    """The database looks like one that people depend on."""

    def __init__(self, reason: str) -> None:
        """Say what it was recognized by."""
        super().__init__(
            f"this looks like production: {reason}. Nothing was tried there. Everything is rolled "
            "back, but rows stay locked meanwhile, and sequences and what triggers do outside the "
            "database do not roll back. Use a copy or a local Supabase, or, if nobody depends on "
            "it (a preview branch), pass --allow-production"
        )
        self.reason = reason


class TransactionEnded(EphraimError):
    """The test ended the transaction that keeps it apart from other tests."""

    def __init__(self, *, is_thrown_away: bool) -> None:
        """Say what becomes of what was committed."""
        fate = (
            "What it committed is thrown away with its database."
            if is_thrown_away
            else "What it committed stays: the database is yours."
        )
        super().__init__(
            f"{(type(self).__doc__ or '').splitlines()[0]} {fate} For code that commits or rolls "
            "back by itself, use supabase_database, a clone for this test alone."
        )


class MigrationError(EphraimError):
    """The migrations could not be applied."""


class InvalidProject(MigrationError):
    """The project's supabase folder cannot be used."""


class HistoryConflict(MigrationError):
    """The ledger and the files tell different stories; nothing was applied."""

    def __init__(self, message: str, versions: tuple[str, ...]) -> None:
        """Name the `versions` in conflict."""
        super().__init__(message)
        self.versions = versions


class MigrationFailed(MigrationError):
    """Postgres refused a statement of a migration or seed.

    It carries Postgres's message, never its DETAIL, which can hold what is in a row.
    """

    def __init__(
        self,
        message: str,
        *,
        path: Path,
        left_behind: bool,
        statement: int | None = None,
        line: int | None = None,
        head: str = "",
        sqlstate: str | None = None,
        postgres_message: str = "",
    ) -> None:
        """Say where: `statement` counts from 1 and `line` is of the file; None is at its end.

        `head` is how the statement begins.

        `left_behind`: whether statements before it stay applied, as the file is not one
        transaction.
        """
        super().__init__(message)
        self.path = path
        self.statement = statement
        self.line = line
        self.head = head
        self.sqlstate = sqlstate
        self.postgres_message = postgres_message
        self.left_behind = left_behind


class PostgrestError(EphraimError):
    """PostgREST could not be found or started."""
