"""`ephraim-db serve`: says where the page is and what to enter, stops on Ctrl-C, loopback only."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import httpx
import pytest
from click.testing import CliRunner
from tests.conftest import PROJECT
from tests.waiting import port_for_later

from ephraim_db.cli.serve import serve

SERVE = [sys.executable, "-c", "from ephraim_db.cli import main; main()", "serve"]


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_stopped(stop: signal.Signals) -> None:
    port = port_for_later()
    url = f"http://127.0.0.1:{port}/settings/integrations"
    with subprocess.Popen(
        [*SERVE, "--project", str(PROJECT), "--port", str(port)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "EPHRAIM_DB_POSTGRES": "embedded"},
    ) as process:
        assert process.stdout is not None
        told = ""
        while "Ctrl-C" not in told:
            line = process.stdout.readline()
            assert line, "it ended before it served"
            told += line
        assert url in told
        assert "Account SID" in told
        assert httpx.get(url).status_code == 401
        process.send_signal(stop)
        assert process.wait(timeout=60) == 0
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.0.7", "::", "example.com", "127.0.0.1.x"])
def test_any_other_address_than_loopback_is_refused(host: str) -> None:
    done = CliRunner().invoke(serve, ["--host", host])
    assert done.exit_code == 2
    assert "not this machine alone" in done.stderr
