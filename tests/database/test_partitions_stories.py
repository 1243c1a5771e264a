"""Whatever is promised of the SMS log is kept when it is partitions as well."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from tests.database.partitioning import apply
from tests.supabase_cli import ROOT

from ephraim_db.migrations import apply_seed
from ephraim_db.postgres import create_database, start_postgres

STORIES = {
    "sending": ["tests/sms/test_sending.py"],
    "callbacks": ["tests/sms/test_delivery.py", "tests/sms/test_records.py"],
    "reconciling": ["tests/sms/test_reconciling.py"],
    "refusals": ["tests/rest/test_refusals.py"],
    "settings page": ["tests/web/test_sms_log.py"],
}


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """What tells a pytest to clone a partitioned database, on a server of its own."""
    with start_postgres(os.environ.get("EPHRAIM_DB_POSTGRES", "embedded")) as server:
        create_database(server, "partitioned_stories")
        url = server.url("partitioned_stories", "postgres")
        apply(url, tmp_path_factory.mktemp("stories"))
        with psycopg.connect(url, autocommit=True) as owner:
            apply_seed(owner, ROOT)
            owner.execute("select private.add_sms_log_months(60)")
        yield {"EPHRAIM_DB_URL": url, "EPHRAIM_DB_POSTGRES": server.url()}


@pytest.mark.parametrize("story", STORIES)
def test_the_story_is_the_same(story: str, elsewhere: dict[str, str], tmp_path: Path) -> None:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    told = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-x",
            "--basetemp",
            tmp_path / "of",
            *STORIES[story],
        ],
        cwd=ROOT,
        env=inherited | elsewhere,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert told.returncode == 0, told.stdout[-4000:]
    assert " passed" in told.stdout
