"""`ephraim-db rls mutate`: break the database one thing at a time, and ask whether it is noticed.

Exit status, for scripts: 0 enough was noticed; 1 the score is below --fail-under, or an entry of
[[unnoticed]] is stale; 2 it could not run; 130 it was stopped, and what was tried is told.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import psycopg
from rich.console import Console

from ephraim_db.cli import STOPPED
from ephraim_db.cli.connecting import CannotRun
from ephraim_db.cli.rls.mutation_report import counting, print_score
from ephraim_db.cli.rls.progress import progress
from ephraim_db.cli.rls.running import contract_of
from ephraim_db.cli.rls.source import Source, observing_options
from ephraim_db.errors import CannotMutate, EphraimError
from ephraim_db.rls import Personas, read_personas

if TYPE_CHECKING:
    from ephraim_db.postgres import Server
    from ephraim_db.rls.mutants.judging import Judgement
    from ephraim_db.rls.mutants.mutant import Mutant
    from ephraim_db.rls.mutants.scoring import Score

TEMPLATE = "ephraim_mutants"
UNSEEN = ("survived", "left")
RECORD = Path("supabase", ".temp", "rls-mutants.jsonl")


@click.command()
@observing_options
@click.option(
    "--against",
    type=click.Choice(["contract"]),
    help="Ask the contract; with a COMMAND as well, ask that of what the contract did not notice.",
)
@click.option(
    "--fail-under",
    type=click.FloatRange(0, 100),
    default=0,
    metavar="N",
    help="Exit with 1 if fewer than N of a hundred mutants are noticed.",
)
@click.option(
    "--jobs", type=click.IntRange(1), help="Commands at once.", show_default="one for each core"
)
@click.option(
    "--report",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write every mutant and what became of it, as JSON. With a COMMAND, a run that was "
    "interrupted goes on from there.  [default: supabase/.temp/rls-mutants.jsonl]",
)
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
def mutate(
    source: Source,
    against: str | None,
    fail_under: float,
    jobs: int | None,
    report: Path | None,
    command: tuple[str, ...],
) -> None:
    """Break policies, grants, functions and triggers one at a time: does anybody notice?

    Without a COMMAND, the contract is asked, and everything is rolled back. A COMMAND, such as
    `-- pytest tests/rls`, is run once for each mutant, with a database of its own in
    EPHRAIM_DB_URL and DATABASE_URL; it has noticed if it fails.
    """
    try:
        import pglast  # noqa: F401 - only whether it is there
    except ImportError as missing:
        raise CannotRun(
            "to break an expression takes its parse tree: pip install 'ephraim-db[mutation]'"
        ) from missing
    from ephraim_db.rls.mutants.recording import write_score

    began = time.monotonic()
    try:
        personas = read_personas(source.personas)
        if command:
            path = report or source.project / RECORD
            score = _by_command(source, personas, command, jobs, path, first=against)
        else:
            score = _by_contract(source, personas)
            if report:
                write_score(report, (), score)
    except EphraimError as error:
        raise CannotRun(str(error)) from error
    except Stopped as stopped:
        print_score(Console(soft_wrap=True), stopped.score, time.monotonic() - began)
        click.echo(f"stopped: {len(stopped.score.judgements)} of {stopped.total} were tried")
        sys.exit(STOPPED)
    print_score(Console(soft_wrap=True), score, time.monotonic() - began)
    if score.percent < fail_under or score.stale:
        sys.exit(1)


class Stopped(KeyboardInterrupt):
    """Ctrl-C came when `score` was what of a `total` of mutants had been judged."""

    def __init__(self, score: Score, total: int) -> None:
        """Keep both, to be told."""
        self.score = score
        self.total = total


def _by_contract(source: Source, personas: Personas) -> Score:
    from ephraim_db.rls.mutants.scoring import Score

    with ExitStack() as stack:
        with progress() as say:
            connection = stack.enter_context(source.connected(say))
        judgements = _judge_by_contract(connection, source, personas)
    return Score.of(judgements, personas.unnoticed)


def _judge_by_contract(
    connection: psycopg.Connection[Any], source: Source, personas: Personas
) -> list[Judgement]:
    from ephraim_db.rls.contract import facts_of, read_contract
    from ephraim_db.rls.matrix import build_matrix
    from ephraim_db.rls.mutants.judging import Judge
    from ephraim_db.rls.mutants.scoring import Score
    from ephraim_db.rls.observing import observing

    agreed = read_contract(contract_of(source.project))
    with ExitStack() as stack:
        with progress() as say:
            observation = stack.enter_context(observing(connection, personas, say, filling=True))
        matrix = build_matrix(personas.everyone, observation.observed, observation.uses)
        if facts_of(matrix) != agreed:
            raise CannotMutate(
                "the database is not as the contract says, so what a mutant changes could not be "
                "told from that: see `ephraim-db rls check`"
            )
        judge, judgements = Judge(observation), []
        try:
            with counting(len(judge.mutants)) as count:
                for mutant in judge.mutants:
                    judgements.append(judge.judge(mutant))
                    count(judgements[-1])
        except KeyboardInterrupt:
            raise Stopped(Score.of(judgements, ()), len(judge.mutants)) from None
    return judgements


def _by_command(
    source: Source,
    personas: Personas,
    command: tuple[str, ...],
    jobs: int | None,
    path: Path,
    *,
    first: str | None,
) -> Score:
    """Ask the command; of those mutants only that the contract did not notice, if that is first."""
    from ephraim_db.postgres import clone_database
    from ephraim_db.project import migrated_database
    from ephraim_db.rls.mutants.breaking import read_mutants
    from ephraim_db.rls.mutants.scoring import Score

    if source.database_url is not None:
        raise CannotRun(
            "a command gets a database of its own for each mutant: leave out --database-url, and "
            "name a server with --postgres if it is not to be started"
        )
    with ExitStack() as stack:
        with progress() as say:
            database = stack.enter_context(
                migrated_database(source.project, postgres=source.postgres, on_progress=say)
            )
        with psycopg.connect(database.url, autocommit=True) as connection:
            if first:
                judged = _judge_by_contract(connection, source, personas)
            else:
                judged = _proven(read_mutants(connection, personas))
        clone_database(database.server, database.name, TEMPLATE)
        left = [one.mutant for one in judged if one.result in UNSEEN]
        found = _run_commands(database.server, command, left, jobs, path)
    judgements = [_settled(found.get(one.mutant.key, one), personas) for one in judged]
    return Score.of(judgements, ())


def _proven(mutants: tuple[Mutant, ...]) -> list[Judgement]:
    """Return those that are known to be equivalent as such, and the others as not noticed yet."""
    from ephraim_db.rls.mutants.judging import Judgement

    return [
        Judgement(m, "equivalent", m.equivalent)
        if m.equivalent
        else Judgement(m, "survived", m.wanted)
        for m in mutants
    ]


def _settled(judgement: Judgement, personas: Personas) -> Judgement:
    """Return the judgement; accepted, if rls.toml says that of more than the contract."""
    from ephraim_db.rls.mutants.judging import accepted

    return accepted(judgement, [known for known in personas.unnoticed if not known.against])


def _run_commands(
    server: Server,
    command: tuple[str, ...],
    mutants: list[Mutant],
    jobs: int | None,
    path: Path,
) -> dict[str, Judgement]:
    from ephraim_db.rls.mutants.commanding import Commanding, judge_by_command
    from ephraim_db.rls.mutants.recording import Record, unknown

    commanding = Commanding(server, TEMPLATE, command)
    seconds = commanding.try_unbroken()
    with Record(path, command, mutants).adding() as record:
        todo = unknown(record, mutants)
        known = list(record.known.values())
        if known:
            click.echo(f"{path}: going on after {len(known)} of {len(mutants)}", err=True)
        judging = judge_by_command(commanding, todo, jobs or os.cpu_count() or 1, seconds)
        try:
            with counting(len(mutants), known) as count, closing(judging):
                for judgement in judging:
                    record.add(judgement)
                    count(judgement)
        except KeyboardInterrupt:
            click.echo(f"interrupted: the same command goes on from {path}", err=True)
            sys.exit(STOPPED)
        record.finish()
    return record.known
