"""Send through a real PgBouncer in transaction mode, with fewer connections than senders.

python -m tests.sms.behind_pgbouncer     (Debian: apt install pgbouncer)
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import psycopg
from tests.pgbouncer import pgbouncer
from tests.sms.conftest import ACACIA, FROM, SID, TO, TOKEN, Owner, store_credential

from ephraim_db.fakes.twilio import FakeTwilio
from ephraim_db.migrations import apply_migrations, apply_seed, find_migrations
from ephraim_db.postgres import create_database, start_postgres
from ephraim_db.sealing import Keyring, PrivateKey
from ephraim_db.sms import AsyncSender, Sender, Sms
from ephraim_db.sms.twilio import Twilio

PROJECT = Path(__file__).parents[2]


def main() -> None:
    key = PrivateKey.generate()
    with start_postgres("embedded") as server, FakeTwilio() as twilio:
        create_database(server, "story")
        with psycopg.connect(server.url("story", "postgres"), autocommit=True) as owner:
            apply_migrations(owner, find_migrations(PROJECT))
            apply_seed(owner, PROJECT)
        superuser = Owner(server.url("story"))
        superuser.rows("create role sender login password 'x' in role ephraim_sender")
        superuser.rows(
            "insert into public.sealing_keys (kid, x, status) values (%(kid)s, %(x)s, 'active')",
            kid=key.public().kid,
            x=key.public().x,
        )
        store_credential(superuser, key, TOKEN)
        superuser.rows("alter role postgres password 'x'")
        twilio.open_account(SID, TOKEN, FROM)
        with pgbouncer(server.port, {"sender": "x", "postgres": "x"}) as port:
            for login in ("sender", "postgres"):
                url = f"postgresql://{login}:x@127.0.0.1:{port}/story"
                blocking(url, Keyring([key]), twilio)
                asyncio.run(awaiting(url, Keyring([key]), twilio))
        assert twilio.violations == []
        statuses = {row["status"] for row in superuser.log()}
        assert statuses == {"queued"}, statuses
        print(f"{len(twilio.messages)} messages through PgBouncer: {statuses}")


def messages(count: int) -> list[Sms]:
    return [Sms(ACACIA, TO, f"number {n}") for n in range(count)]


def blocking(url: str, keyring: Keyring, twilio: FakeTwilio) -> None:
    with Sender(url, keyring, twilio=Twilio(twilio.url), connections=8) as sender:
        outcomes = list(sender.send_many(messages(100)))
        assert [o.error for o in outcomes if o.error] == []
        keys = [sender.send_sms(ACACIA, TO, "one", idempotency_key=url) for _ in range(3)]
        assert len({log.id for log in keys}) == 1


async def awaiting(url: str, keyring: Keyring, twilio: FakeTwilio) -> None:
    async with AsyncSender(url, keyring, twilio=Twilio(twilio.url), connections=8) as sender:
        outcomes = [outcome async for outcome in sender.send_many(messages(100))]
        assert [o.error for o in outcomes if o.error] == []


if __name__ == "__main__":
    main()
