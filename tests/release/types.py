"""What mypy and pyright know of the installed package, from outside its sources."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from tests.release.environment import Environment, require
from tests.release.package import ROOT

OF_OTHERS = ("ephraim_db.sms.http.",)  # subclasses of the Twilio SDK's, which has no types


def check_types(tools: Environment, installed: Environment, folder: Path) -> None:
    """Both agree with tests/typing, where ignored errors are errors; all public names are typed."""
    folder.mkdir()
    for file in (ROOT / "tests" / "typing").glob("*.py"):
        shutil.copy(file, folder)
    tools.run("mypy", "--strict", "--python-executable", installed.python, folder, cwd=folder)
    (folder / "pyrightconfig.json").write_text('{"reportUnnecessaryTypeIgnoreComment": "error"}')
    tools.run("pyright", "--pythonpath", installed.python, cwd=folder)
    said = tools.try_to_run(
        "pyright", "--verifytypes", "ephraim_db", "--ignoreexternal", cwd=folder,
        PATH=f"{installed.root / 'bin'}{os.pathsep}{os.environ['PATH']}",
    ).stdout  # fmt: skip
    score = re.search(r"completeness score: [\d.]+%", said)
    require(score, f"pyright gave no score:\n{said}")
    unknown = [
        name
        for name in re.findall(r"^(ephraim_db\.\S+)\n.*error:", said, re.M)
        if not name.startswith(OF_OTHERS) and not name.endswith("__")
    ]
    require(not unknown, f"not typed: {unknown}\n{said}")
