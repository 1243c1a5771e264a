"""Whether this can be released: `make release-check`. Takes minutes and asks PyPI and npm.

git files -> sdist -> wheel -> a fresh environment for each extra -> console, README, types, leaks
                          '--> one with all of them               -> audit, SBOM in dist/

Leaves dist/ as it would be published. AUDIT=0 leaves the audit out, where nobody answers it.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.release import extras, project, supply, types
from tests.release.environment import Environment, Failed, fresh_environment
from tests.release.package import DIST, ROOT, build

_failures: list[str] = []


@contextmanager
def part(name: str) -> Iterator[None]:
    """Tell of a part and its seconds; when it fails, say why and go on with the next."""
    started = time.monotonic()
    try:
        yield
        verdict = "ok"
    except Failed as failure:
        _failures.append(name)
        verdict = f"FAILED: {failure}"
    print(f"{time.monotonic() - started:5.0f} s  {name}: {verdict}", flush=True)


def check_each_extra(folder: Path, wheel: Path, served_from: Environment) -> None:
    """Everything that each extra promises, in an environment of its own."""
    own = project.export_project(served_from, folder / "project")
    with project.served(served_from, own) as api:
        for extra in extras.extras_of(wheel):
            with (
                part(f"[{extra}]" if extra else "the package alone"),
                fresh_environment(folder, f"extra-{extra}") as environment,
            ):
                environment.install(f"{wheel}[{extra}]" if extra else str(wheel))
                extras.check_rooms(environment, extra)
                extras.check_leaks(environment)
                extras.check_console(environment)
                extras.check_readme_example(environment, api)
                if extra == "rls":
                    project.check_rls(environment, own)


def check_all_together(folder: Path, wheel: Path, tools: Environment) -> None:
    """What concerns the package with all of its extras."""
    with fresh_environment(folder, "all") as everything:
        names = ",".join(filter(None, extras.extras_of(wheel)))
        with part("all extras together"):
            everything.install(f"{wheel}[{names}]")
        with part("mypy and pyright from outside"):
            types.check_types(tools, everything, folder / "typed")
        with part("SBOM"):
            supply.write_sbom(tools, everything)
        if os.environ.get("AUDIT") == "0":
            print("     -  NOT audited: AUDIT=0", flush=True)
        else:
            with part("audit"):
                print("       ", supply.audit(tools, everything))
        with part("each extra by itself"):
            check_each_extra(folder, wheel, everything)


def main() -> int:
    """Check everything; 1 if anything failed."""
    with tempfile.TemporaryDirectory(prefix="release-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with fresh_environment(folder, "tools") as tools:
            with part("tools"):
                group = f"{ROOT / 'pyproject.toml'}:release"
                tools.run("python", "-m", "pip", "install", "--quiet", "--group", group)
            with part("sdist and wheel"):
                build(tools)
            if not _failures:
                (wheel,) = DIST.glob("*.whl")
                check_all_together(folder, wheel, tools)
    print(f"FAILED: {', '.join(_failures)}" if _failures else f"ready: {DIST}")
    return 1 if _failures else 0


if __name__ == "__main__":
    sys.exit(main())
