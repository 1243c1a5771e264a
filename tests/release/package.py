"""What is built: an sdist, and from it the wheel, with all that users need and nothing else."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
import tempfile
import zipfile
from pathlib import Path

from tests.release.environment import Environment, require

ROOT = Path(__file__).parents[2]
DIST = ROOT / "dist"


def build(tools: Environment) -> Path:
    """Build both from the last commit, check them, and return the wheel; both are left in dist/."""
    shutil.rmtree(DIST, ignore_errors=True)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder)
        archive = source / "committed.tar"
        subprocess.run(["git", "archive", "--output", archive, "HEAD"], cwd=ROOT, check=True)
        shutil.unpack_archive(archive, source, filter="data")
        archive.unlink()
        tools.run("python", "-m", "build", "--outdir", DIST, cwd=source)
        (wheel,), (sdist,) = DIST.glob("*.whl"), DIST.glob("*.tar.gz")
        _check_wheel(wheel, source)
    tools.run("twine", "check", "--strict", wheel, sdist)
    _check_sdist(sdist)
    return wheel


def _check_wheel(wheel: Path, source: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = {info.filename: archive.read(info) for info in archive.infolist()}
    for path in (source / "supabase").glob("*/*.sql"):
        shipped = held.get(f"ephraim_db/shipped/{path.parent.name}/{path.name}")
        require(shipped == path.read_bytes(), f"the wheel does not ship {path.name} as it is")
    require("ephraim_db/py.typed" in held, "the wheel has no py.typed")
    require(any(name.endswith("licenses/LICENSE") for name in held), "the wheel has no LICENSE")
    written = {str(path.relative_to(source / "src")) for path in source.glob("src/**/*.*")}
    missing = written - set(held)
    require(not missing, f"the wheel lacks {sorted(missing)}")
    strays = [name for name in held if not name.startswith(("ephraim_db/", "ephraim_db-"))]
    require(not strays, f"the wheel would install {strays}")
    seeds = [name for name in held if name.endswith(("seed.sql", "rls.toml", "rls.contract"))]
    require(not seeds, f"the wheel ships what is ours alone: {seeds}")


def _check_sdist(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    needed = {"LICENSE", "README.md", "CHANGELOG.md", "Makefile", "supabase/config.toml"}
    require(needed <= names, f"the sdist lacks {sorted(needed - names)}")
