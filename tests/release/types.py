"""What mypy and pyright know of the installed package, from outside its sources."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from tests.release.environment import Environment, require
from tests.release.package import ROOT


def check_types(tools: Environment, installed: Environment, folder: Path) -> None:
    """Both agree with tests/typing, where ignored errors are errors; all public names are typed."""
    folder.mkdir()
    for file in (ROOT / "tests" / "typing").glob("*.py"):
        shutil.copy(file, folder)
    tools.run("mypy", "--strict", "--python-executable", installed.python, folder, cwd=folder)
    (folder / "pyrightconfig.json").write_text('{"reportUnnecessaryTypeIgnoreComment": "error"}')
    tools.run("pyright", "--pythonpath", installed.python, cwd=folder)
    said = tools.try_to_run(
        "pyright", "--pythonpath", installed.python, "--verifytypes", "ephraim_db",
        "--ignoreexternal", cwd=folder,
    )  # fmt: skip
    score = re.search(r"completeness score: ([\d.]+)%", said.stdout)
    require(score, f"pyright gave no score:\n{said.stdout}{said.stderr}")
    assert score is not None
    require(score[1] == "100", f"{score[1]}% of the public names are typed:\n{said.stdout}")
