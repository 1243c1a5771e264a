"""The matrix for people: one table a relation, readable in 100 columns and without colour.

public.notes (table, 4 rows)
             SELECT              INSERT          UPDATE          DELETE
worker,      organization        -               own: title      hidden
admin        not: secret
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rich.box import HORIZONTALS
from rich.console import Console, Group, RenderableType
from rich.segment import Segments
from rich.table import Table
from rich.text import Text

from ephraim_db.rls.matrix import Cell, Matrix, Subject
from ephraim_db.rls.personas import Persona
from ephraim_db.rls.probes import COMMANDS, Command
from ephraim_db.rls.report.grid import Line, lay_out, name_columns, reaches

STYLES = {
    "own": "green",
    "organization": "cyan",
    "all": "bold yellow",
    "hidden": "dim",
    "refused": "dim",
    "-": "dim",
    "unproven": "magenta",
    "error": "bold red",
}
LEGEND = (
    ("own, organization, all", "allowed, and whose rows it reached"),
    ("hidden", "permitted, but no row was within reach: nothing is raised"),
    ("refused", "SQLSTATE 42501 although granted: a policy or a trigger refused"),
    ("-", "SQLSTATE 42501: not granted"),
    ("unproven", "no row was there to decide it: not to be taken for safe"),
    ("error", "neither allowed nor refused: the SQLSTATE says what broke"),
)
EVERYBODY = "everybody"
MOST_NAMED = 3
"""So many columns left out are named; more are counted by naming those that are in."""


def draw(console: Console, matrix: Matrix) -> Segments:
    """Return the relations as that console prints them: most of what there is to print."""
    return Segments(console.render(Group(*_relations(matrix))))


def print_matrix(console: Console, matrix: Matrix, drawn: Segments | None = None) -> None:
    """Print every relation, `drawn` already or not, what stays unproven, and how to read it."""
    console.print(drawn or draw(console, matrix), end="")
    if matrix.unproven:
        console.print(_unproven(matrix))
        console.print()
    console.print(_legend())


def _relations(matrix: Matrix) -> Iterator[RenderableType]:
    cells = matrix.by_place()
    for block in lay_out(matrix):
        yield Text(f"{block.relation.name} ({_kind(block.relation)})", style="bold")
        if any(line.is_plain for line in block.lines):
            yield _relation(matrix.personas, block.relation, cells)
        others = [line for line in block.lines if not line.is_plain]
        if others:
            yield _others(matrix, block.relation, others)
        if not block.lines:
            yield Text("  granted to nobody", style="dim")
        yield Text()


def _relation(
    personas: Sequence[Persona],
    relation: Subject,
    cells: Mapping[tuple[str, str, Command], Sequence[Cell]],
) -> RenderableType:
    table = Table(
        box=HORIZONTALS, pad_edge=False, padding=(0, 2, 0, 0), show_lines=True, expand=True
    )
    table.add_column("", no_wrap=True)
    for command in COMMANDS:
        table.add_column(command, overflow="fold")
    alike: dict[tuple[str, ...], tuple[list[str], tuple[Text, ...]]] = {}
    for persona in personas:
        row = tuple(
            _command(relation, command, cells.get((persona.name, relation.name, command), ()))
            for command in COMMANDS
        )
        alike.setdefault(tuple(map(str, row)), ([], row))[0].append(persona.name)
    for names, row in alike.values():
        together = EVERYBODY if 1 < len(names) == len(personas) else ",\n".join(names)
        table.add_row(together, *row)
    return table


def _kind(relation: Subject) -> str:
    rows = "1 row" if relation.rows == 1 else f"{relation.rows} rows"
    if relation.probed is not None:
        rows += f", probed through {relation.probed}"
    return f"{relation.kind}, {rows}" if relation.columns else relation.kind


def _others(matrix: Matrix, relation: Subject, lines: Sequence[Line]) -> RenderableType:
    """Say what the commands do that not every relation has: each result once, with all it is of."""
    table = Table(box=None, pad_edge=True, show_header=False, padding=(0, 1))
    for line in lines:
        for mark, personas in reaches(line):
            word = f"{mark.word} {mark.sqlstate}" if mark.sqlstate else mark.word
            told = Text(word, style=STYLES.get(mark.word, ""))
            if mark.columns:
                told.append(f": {name_columns(relation, line, mark)}", style="default")
            told.append(f" ({whom(matrix, personas)})", style="dim")
            table.add_row(line.verb, told)
    return table


def _command(relation: Subject, command: Command, cells: Sequence[Cell]) -> Text:
    """Say what is allowed; only where nothing is, say how it was stopped."""
    if not cells:
        return Text("")
    allowed = [cell for cell in cells if cell.outcome == "allowed"]
    broken = [cell for cell in cells if cell.outcome in ("error", "unproven")]
    told = [*allowed, *broken] or [min(cells, key=lambda cell: cell.outcome == "refused_by_grant")]
    lines = []
    for cell in told:
        word = _word(cell)
        line = Text(word, style=STYLES[word.split()[0]])
        columns = _columns(relation, command, cell, cells)
        if columns and cell.outcome in ("allowed", "error", "unproven"):
            line.append(columns, style="default")
        lines.append(line)
    return Text("\n").join(lines)


def _word(cell: Cell) -> str:
    match cell.outcome:
        case "allowed":
            return cell.scope
        case "refused_by_policy":
            return "refused"
        case "refused_by_grant":
            return "-"
        case "error":
            return f"error {cell.sqlstate}"
        case other:
            return other


def _columns(relation: Subject, command: Command, cell: Cell, cells: Sequence[Cell]) -> str:
    """Name the columns that are in, or those that are out if they are few."""
    asked = {column for one in cells for column in one.columns}
    left_out = [c for c in relation.columns if c in asked and c not in cell.columns]
    if command == "DELETE" or not left_out:
        return ""
    if len(left_out) <= MOST_NAMED < len(cell.columns):
        return f", not {', '.join(left_out)}"
    return f": {', '.join(cell.columns)}"


def _unproven(matrix: Matrix) -> RenderableType:
    lines = [Text("unproven: what this run could not decide", style="bold")]
    lines += [Text(f"  {line}", style="magenta") for line in folded_doubts(matrix)]
    return Group(*lines)


def whom(matrix: Matrix, personas: Sequence[str]) -> str:
    """Return the names, or one word where it is all of several."""
    return EVERYBODY if 1 < len(personas) == len(matrix.personas) else ", ".join(personas)


def folded_doubts(matrix: Matrix) -> Iterator[str]:
    """Yield one line for each relation and reason, with the personas it is true for."""
    by_persona: dict[tuple[str, str, str], list[str]] = {}
    for doubt in matrix.unproven:
        key = (doubt.relation, doubt.reason, doubt.persona)
        by_persona.setdefault(key, []).append(doubt.command)
    lines: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
    for (relation, reason, persona), commands in by_persona.items():
        lines.setdefault((relation, reason, tuple(commands)), []).append(persona)
    for (relation, reason, together), personas in lines.items():
        yield f"{relation} {'/'.join(together)}: {reason} ({whom(matrix, personas)})"


def _legend() -> RenderableType:
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    table.add_row(Text("names in one row"), "the same holds for each of them")
    for word, meaning in LEGEND:
        table.add_row(Text(word, style=STYLES[word.split(",")[0]]), meaning)
    return table
