"""What docs/how-to-schedule.md gives to systemd and to cron does what it says."""

from __future__ import annotations

import configparser
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from uuid import UUID

import pytest
from tests.docs.blocks import Block, blocks_of
from tests.sms.conftest import TO, Owner

from ephraim_db.fakes.twilio import FakeTwilio, Fault
from ephraim_db.sms import Sender

PAGE = "docs/how-to-schedule.md"
PROGRAM = Path(sys.executable).parent / "ephraim-db"
SERVICE, TIMER = blocks_of(PAGE, "ini")
(CRON,) = blocks_of(PAGE, "cron")
(ENVIRONMENT,) = blocks_of(PAGE, "sh")


@pytest.fixture
def environment(sender_url: str, keys_file: Path, tmp_path: Path) -> Path:
    """The file that both read, filled in."""
    text = ENVIRONMENT.text
    for open_, filled in {
        "postgresql://ephraim_sms:...@host:5432/postgres": sender_url,
        "/etc/ephraim/2026.jwk": str(keys_file),
    }.items():
        assert open_ in text
        text = text.replace(open_, filled)
    file = tmp_path / "sender.env"
    file.write_text(text)
    return file


@pytest.fixture
def lost(sender: Sender, twilio: FakeTwilio, acacia: UUID) -> None:
    """A message whose answer was lost."""
    twilio.fail_next(Fault.RESET_AFTER)
    sender.send_sms(acacia, TO, "hello")


def unit(block: Block) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(block.text)
    return parser


def here(command: str, twilio: FakeTwilio) -> str:
    """The command with this installation's program and a pretended Twilio."""
    assert "/opt/ephraim/bin/ephraim-db" in command
    command = command.replace("/opt/ephraim/bin/ephraim-db", str(PROGRAM))
    return command.replace("sms reconcile", f"sms reconcile --twilio-url {twilio.url}")


def test_what_systemd_runs_settles_what_was_lost(
    environment: Path, lost: None, twilio: FakeTwilio, owner: Owner
) -> None:
    service = unit(SERVICE)["Service"]
    assert service["EnvironmentFile"] == "/etc/ephraim/sender.env"
    pairs = dict(line.split("=", 1) for line in environment.read_text().splitlines())
    done = subprocess.run(
        shlex.split(here(service["ExecStart"], twilio)),
        env={name: value.strip("'") for name, value in pairs.items()},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("1 found")
    assert owner.log()[0]["status"] == "delivered"


def from_cron(
    command: str, environment: Path, twilio: FakeTwilio, folder: Path
) -> tuple[int, str, str]:
    """Run the line with `command` in it as cron does; return its status and what it said."""
    (line,) = (line for line in CRON.text.splitlines() if command in line)
    *_, account, rest = line.split(maxsplit=6)
    assert account == "ephraim"
    assert "%" not in rest, "cron makes a line break of it"
    assert "/etc/ephraim/sender.env" in rest
    rest = here(rest, twilio).replace("/etc/ephraim/sender.env", str(environment))
    done = subprocess.run(
        ["/bin/sh", "-c", rest.replace("/run/lock", str(folder))],
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder), "SHELL": "/bin/sh"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def test_cron_settles_what_was_lost_and_says_nothing(
    environment: Path, lost: None, twilio: FakeTwilio, owner: Owner, tmp_path: Path
) -> None:
    assert from_cron("sms reconcile", environment, twilio, tmp_path) == (0, "", "")
    assert owner.log()[0]["status"] == "delivered"


def test_cron_says_what_is_left_at_xero_and_nothing_when_nothing_is(
    environment: Path, acacia: UUID, twilio: FakeTwilio, owner: Owner, tmp_path: Path
) -> None:
    status, _, problem = from_cron("xero cleanup", environment, twilio, tmp_path)
    assert (status, problem) == (1, "2 left to end at Xero\n")  # those seeded, sealed to other keys
    owner.rows("delete from public.xero_leftovers")
    assert from_cron("xero cleanup", environment, twilio, tmp_path) == (0, "", "")


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:  # the units are still read above
        assert unit(TIMER)["Timer"]["OnCalendar"] == "*:0/5"
        return
    service = tmp_path / "ephraim-sms-reconcile.service"
    text = SERVICE.text.replace("/opt/ephraim/bin/ephraim-db", str(PROGRAM))
    service.write_text(text.replace("User=ephraim", "User=root"))
    timer = tmp_path / "ephraim-sms-reconcile.timer"
    timer.write_text(TIMER.text)
    done = subprocess.run(
        [program, "verify", service, timer],
        env={**os.environ, "SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
