"""The migrations that come with the package, and how they get into another project.

ephraim_db/shipped/migrations  (a wheel)       --+--> export --> DIR/supabase/migrations
supabase/migrations            (a source tree) --+

Beside them, in optional/, are those that make sms_logs a table of monthly partitions.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ephraim_db.errors import InvalidProject
from ephraim_db.migrations.files import find_migrations

_INSTALLED = Path(__file__).parents[1] / "shipped"
_IN_THE_SOURCE_TREE = Path(__file__).parents[3] / "supabase"


def shipped_migrations(*, partitions: bool = False) -> list[Path]:
    """Return our own migration files, in the order in which they apply.

    `partitions`: with those that partition sms_logs.
    """
    home = _INSTALLED if _INSTALLED.is_dir() else _IN_THE_SOURCE_TREE
    folders = ("migrations", "optional") if partitions else ("migrations",)
    return sorted(path for folder in folders for path in (home / folder).glob("*.sql"))


def export_migrations(
    project: Path,
    *,
    partitions: bool = False,
    on_progress: Callable[[str], None] | None = None,
) -> list[Path]:
    """Write our migrations, and no seed, into `project`/supabase/migrations; return those written.

    `partitions`: also those that partition sms_logs.

    A file that is there already with the same content is left alone. Raises `InvalidProject`, and
    writes nothing, if there is no supabase folder, or if the project has one of our versions with
    another content or under another name.
    """
    theirs = {migration.version: migration for migration in find_migrations(project)}
    missing = []
    for ours in shipped_migrations(partitions=partitions):
        twin = theirs.get(ours.name.partition("_")[0])
        if twin is None:
            missing.append(ours)
        elif twin.label != ours.name:
            raise InvalidProject(
                f"{twin.path} has the version of our {ours.name}: give it another version"
            )
        elif twin.path.read_bytes() != ours.read_bytes():
            raise InvalidProject(
                f"{twin.path} differs from ours: move it away to have ours, or keep it; "
                "an applied migration is never edited"
            )
    folder = project / "supabase" / "migrations"
    folder.mkdir(exist_ok=True)
    written = []
    for ours in missing:
        path = folder / ours.name
        path.write_bytes(ours.read_bytes())
        written.append(path)
        if on_progress:
            on_progress(f"writing {path}")
    return written
