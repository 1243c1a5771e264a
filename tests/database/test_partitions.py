"""sms_logs becomes monthly partitions while senders go on: nothing is copied, nothing is lost."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from tests.database.partitioning import ACACIA, WRITE, apply, guards_of, months
from tests.supabase_cli import copy_project, run_supabase

from ephraim_db.errors import MigrationFailed
from ephraim_db.migrations.shipped import export_migrations


@pytest.fixture
def before(database: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database, autocommit=True) as owner:
        yield owner


def test_no_message_is_copied_and_none_is_lost(
    before: psycopg.Connection, tmp_path: Path, database: str
) -> None:
    looked = (
        "select m.*::text, pg_relation_filenode(m.tableoid) from public.sms_logs as m order by m.id"
    )
    looked = looked.replace("m.*::text", "m::text")
    was = before.execute(looked.encode()).fetchall()
    apply(database, tmp_path)

    assert was
    assert before.execute(looked.encode()).fetchall() == was
    assert months(before)[0] == "private.sms_logs_first"


def test_the_supabase_cli_converts_it_as_well(database: str, tmp_path: Path) -> None:
    project = copy_project(tmp_path)
    export_migrations(project, partitions=True)
    done = run_supabase(project, database, "migration", "up", "--yes")
    assert done.status == 0, done.stderr
    with psycopg.connect(database, autocommit=True) as owner:
        assert len(months(owner)) > 10


def test_senders_go_on_while_the_log_is_converted(
    database: str, sender_url: str, tmp_path: Path
) -> None:
    stop = threading.Event()
    sent: list[uuid.UUID] = []

    def send() -> None:
        with psycopg.connect(sender_url, autocommit=True) as sender:
            while not stop.is_set():
                row = sender.execute(WRITE, (ACACIA, str(uuid.uuid4()))).fetchone()
                assert row is not None
                sid = "SM" + uuid.uuid4().hex
                sender.execute(
                    "update public.sms_logs set twilio_sid = %s, status = 'queued' where id = %s",
                    (sid, row[0]),
                )
                sent.append(row[0])

    senders = [threading.Thread(target=send) for _ in range(2)]
    for sender in senders:
        sender.start()
    try:
        apply(database, tmp_path)
    finally:
        stop.set()
        for sender in senders:
            sender.join()

    with psycopg.connect(database, autocommit=True) as owner:
        rows = owner.execute(
            """
            select m.id from public.sms_logs as m
            inner join private.sms_log_keys as k
                on k.sms_log_id = m.id
                and k.organization_id = m.organization_id
                and k.created_at = m.created_at
                and k.idempotency_key is not distinct from m.idempotency_key
                and k.twilio_sid is not distinct from m.twilio_sid
            """
        ).fetchall()
        (messages,) = owner.execute("select count(*) from public.sms_logs").fetchone() or (0,)
    assert len(sent) > 10
    assert set(sent) <= {row[0] for row in rows}
    assert len(rows) == messages


def test_the_switch_gives_up_when_somebody_holds_the_table_and_changes_nothing(
    before: psycopg.Connection, database: str, tmp_path: Path
) -> None:
    apply(database, tmp_path, upto=2)
    was = guards_of(before)
    with psycopg.connect(database) as reader:
        reader.execute("select from public.sms_logs")
        with pytest.raises(MigrationFailed, match="55P03"):
            apply(database, tmp_path)
    assert guards_of(before) == was
    apply(database, tmp_path)
    assert len(months(before)) > 10
