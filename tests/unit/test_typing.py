"""A type checker knows what the client takes and gives."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
TYPED = ROOT / "tests" / "typing" / "client_types.py"


def mypy(file: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mypy", "--strict", str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)


def test_a_type_checker_knows_the_client(tmp_path: Path) -> None:
    done = mypy(TYPED)
    assert done.returncode == 0, done.stdout + done.stderr
    wrong = tmp_path / "wrong.py"
    wrong.write_text(TYPED.read_text().replace("sms_enabled=True", 'sms_enabled="yes"'))
    done = mypy(wrong)
    assert done.returncode == 1
    assert '"sms_enabled"' in done.stdout
