"""The matrix as a grid of words: relations and commands down, personas across.

              ann            visitor
notes
  read        team 4/5       -
  delete      hidden         -
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ephraim_db.rls.contract.sentences import verb
from ephraim_db.rls.matrix import Cell, Matrix, Subject
from ephraim_db.rls.probes import COMMANDS

NOT_GRANTED = "-"
VERBS = {
    "INSERT RETURNING": "insert, returned",
    "UPDATE RETURNING": "update by key",
    "DELETE RETURNING": "delete by key",
    "UPDATE TO": "update to",
}
"""What a command is called, if not by its verb."""
WORDS = {"refused_by_policy": "refused", "refused_by_grant": NOT_GRANTED}
"""What an outcome is called; an allowed one is called by its scope, others by their name."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What a persona can do with a command: `word`, for `some` of `all_columns` columns."""

    word: str
    columns: tuple[str, ...]
    all_columns: int
    sqlstate: str | None = None
    decided_by: str | None = None
    decided_by_kind: str | None = None

    @property
    def share(self) -> str:
        """Return "3/7", or nothing if it is all of them, or none was asked."""
        some = len(self.columns)
        return f"{some}/{self.all_columns}" if 0 < some < self.all_columns else ""


@dataclass(frozen=True, slots=True)
class Square:
    """Where a persona and a command of a relation meet: the furthest-reaching mark first."""

    persona: str
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """A command on a relation."""

    command: str
    verb: str
    squares: tuple[Square, ...]

    @property
    def is_plain(self) -> bool:
        """Return whether it is one that every relation has."""
        return self.command in COMMANDS

    @property
    def is_granted(self) -> bool:
        """Return whether anybody was granted it."""
        return any(mark.word != NOT_GRANTED for one in self.squares for mark in one.marks)


@dataclass(frozen=True, slots=True)
class Block:
    """A relation: the commands that somebody was granted, and the verbs that nobody was."""

    relation: Subject
    lines: tuple[Line, ...]
    to_nobody: tuple[str, ...]


Places = Mapping[tuple[str, str, str], Sequence[Cell]]


def lay_out(matrix: Matrix) -> Iterator[Block]:
    """Yield a block for each relation, in the order of the matrix."""
    cells: Places = {(p, r, c): found for (p, r, c), found in matrix.by_place().items()}
    asked: dict[str, dict[str, None]] = {}
    for cell in matrix.cells:
        asked.setdefault(cell.relation, {})[cell.command] = None
    for relation in matrix.relations:
        commands = sorted(asked.get(relation.name, ()), key=_rank)
        lines = [_line(matrix, relation, command, cells) for command in commands]
        granted = tuple(line for line in lines if line.is_granted)
        denied = tuple(line.verb for line in lines if not line.is_granted)
        yield Block(relation, granted, denied)


def _rank(command: str) -> int:
    """Return the usual commands in their order, and others after them as they came."""
    names: Sequence[str] = COMMANDS
    return names.index(command) if command in names else len(names)


def _line(matrix: Matrix, relation: Subject, command: str, cells: Places) -> Line:
    squares = tuple(
        Square(persona.name, _marks(cells.get((persona.name, relation.name, command), ())))
        for persona in matrix.personas
    )
    return Line(command, VERBS.get(command) or verb(command), squares)


def _marks(cells: Sequence[Cell]) -> tuple[Mark, ...]:
    """Return what is allowed or open; only where nothing is, how it was stopped."""
    of_columns = [cell for cell in cells if cell.command in COMMANDS]
    every = len({column for cell in of_columns for column in cell.columns})
    telling = [c for c in cells if c.outcome in ("allowed", "error", "unproven")]
    if not telling:
        telling = sorted(cells, key=lambda cell: cell.outcome == "refused_by_grant")[:1]
    return tuple(
        Mark(_word(cell), cell.columns, every, cell.sqlstate, cell.decided_by, cell.decided_by_kind)
        for cell in telling
    )


def _word(cell: Cell) -> str:
    if cell.outcome == "allowed" and cell.scope != "none":
        return cell.scope
    return WORDS.get(cell.outcome, cell.outcome)


def reaches(line: Line) -> Iterator[tuple[Mark, tuple[str, ...]]]:
    """Yield what was granted once, with all whose it is; of plain commands, what is allowed."""
    together: dict[Mark, list[str]] = {}
    untold = (NOT_GRANTED, "refused", "hidden") if line.is_plain else (NOT_GRANTED,)
    for square in line.squares:
        for mark in square.marks:
            if mark.word not in untold:
                together.setdefault(mark, []).append(square.persona)
    for mark, personas in together.items():
        yield mark, tuple(personas)


def name_columns(relation: Subject, line: Line, mark: Mark) -> str:
    """Name the columns that are in, or those that are out if they are fewer."""
    if not line.is_plain or not mark.columns:
        return ", ".join(mark.columns)
    left_out = [column for column in relation.columns if column not in mark.columns]
    if not left_out:
        return "all columns"
    if len(left_out) < len(mark.columns):
        return f"all but {', '.join(left_out)}"
    return ", ".join(mark.columns)
