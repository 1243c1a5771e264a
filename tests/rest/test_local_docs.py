"""What docs/local.md shows runs, and prints an address."""

from __future__ import annotations

import re
import subprocess
import sys

from tests.local_cli import PROJECT


def test_the_example_runs() -> None:
    page = (PROJECT / "docs" / "local.md").read_text()
    (example,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    ran = subprocess.run(
        [sys.executable, "-c", example], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+ postgresql://postgres:\S+\n", ran.stdout)
