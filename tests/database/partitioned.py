"""Whatever is promised of the SMS log is kept when it is partitions as well.

python -m tests.database.partitioned

a partitioned database, cloned for each test --EPHRAIM_DB_URL--> the same tests again
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg
from tests.database.partitioning import apply
from tests.supabase_cli import ROOT

from ephraim_db.migrations import apply_seed
from ephraim_db.postgres import create_database, start_postgres

STORIES = (
    "tests/sms/test_sending.py",
    "tests/sms/test_order.py",
    "tests/sms/test_delivery.py",
    "tests/sms/test_records.py",
    "tests/sms/test_reconciling.py",
    "tests/rest/test_refusals.py",
    "tests/rest/test_client.py",
    "tests/web/test_sms_log.py",
    "tests/web/test_limits.py",
)
# Of the refusals, those of the log: other tables are as they were.
THOSE = "not test_refusals or sms_log"


def main() -> int:
    """Run the stories; return pytest's status."""
    choice = os.environ.get("EPHRAIM_DB_POSTGRES", "embedded")
    with start_postgres(choice) as server, tempfile.TemporaryDirectory() as folder:
        create_database(server, "partitioned")
        url = server.url("partitioned", "postgres")
        apply(url, Path(folder))
        with psycopg.connect(url, autocommit=True) as owner:
            apply_seed(owner, ROOT)
            owner.execute("select private.add_sms_log_months(60)")
        return subprocess.run(
            [sys.executable, "-m", "pytest", "-q", *STORIES, "-k", THOSE],
            cwd=ROOT,
            env=os.environ | {"EPHRAIM_DB_URL": url, "EPHRAIM_DB_POSTGRES": server.url()},
            check=False,
        ).returncode


if __name__ == "__main__":
    sys.exit(main())
