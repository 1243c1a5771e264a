"""What the commands of `ephraim-db rls` share: to observe, as whom rls.toml says."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

from ephraim_db.cli.connecting import CannotRun
from ephraim_db.cli.meanwhile import import_meanwhile
from ephraim_db.cli.rls.progress import Progress, progress
from ephraim_db.cli.rls.source import Source
from ephraim_db.errors import EphraimError

if TYPE_CHECKING:
    from ephraim_db.rls import Matrix, Personas
    from ephraim_db.rls.findings import Examined

OBSERVING = ("ephraim_db.rls.findings",)
PRINTING = ("ephraim_db.rls.report.report", "ephraim_db.rls.report.printing", "rich.console")
SEARCHING = ("ephraim_db.rls.findings.searching",)
"""Modules, in the order in which they are needed."""
SELDOM = 1_000_000
"""Objects made between two looks for garbage: all that is observed lasts until it is told."""


def contract_of(project: Path) -> Path:
    """Return where the contract of a project is."""
    return project / "supabase" / "rls.contract"


def observe_project(
    source: Source,
    *,
    may_guess: bool = False,
    cost_rows: int | None = None,
    worth_searching: Callable[[Matrix], bool] = lambda _matrix: True,
    needing: Sequence[str] = (*SEARCHING, *PRINTING),
) -> Examined:
    """Observe and search, with progress on stderr. Raises CannotRun.

    `may_guess`: without an rls.toml, act as whom the database suggests. `cost_rows`: time the
    policies of tables of so many rows as well. Nothing is searched that is not worth it.
    `needing`: the modules that are sure to be needed after observing, or while.
    """
    gc.set_threshold(SELDOM)
    import_meanwhile(*OBSERVING)
    from ephraim_db.rls.personas import read_personas

    guesses = may_guess and not source.personas.exists()
    with progress() as say:
        try:
            personas = None if guesses else read_personas(source.personas)
            with source.connected(say) as connection:
                from ephraim_db.rls.catalog import read_catalog

                catalog = read_catalog(connection)  # before what comes next is imported
                from ephraim_db.rls.findings import examine

                import_meanwhile(*needing)
                return examine(
                    connection,
                    personas or _guessed(connection, source, say),
                    say,
                    cost_rows=cost_rows,
                    worth_searching=worth_searching,
                    catalog=catalog,
                )
        except EphraimError as error:
            raise CannotRun(str(error)) from error


def _guessed(connection: psycopg.Connection[Any], source: Source, say: Progress) -> Personas:
    from ephraim_db.rls.guessing import exposed_schemas, guess

    found = guess(connection, exposed_schemas(source.project))
    say(f"there is no {source.personas}, which `ephraim-db rls init` writes")
    say(str(found))
    return found.personas
