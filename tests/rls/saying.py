"""Cells said in words, so that an expectation reads like the promise it is."""

from __future__ import annotations

from ephraim_db.rls import Cell, Matrix
from ephraim_db.rls.probes import Command


def said(matrix: Matrix, persona: str, relation: str, command: Command) -> set[str]:
    """Return what each cell says, as "allowed own: title" or "hidden: id title"."""
    return {_in_words(cell) for cell in matrix.find(persona, f"public.{relation}", command)}


def word(matrix: Matrix, persona: str, relation: str, command: Command) -> str:
    """Return the one outcome that columns do not differ in, as "allowed own" or "hidden"."""
    words = {_outcome(cell) for cell in matrix.find(persona, f"public.{relation}", command)}
    assert len(words) == 1, words
    return words.pop()


def _in_words(cell: Cell) -> str:
    columns = f": {' '.join(cell.columns)}" if cell.columns else ""
    return f"{_outcome(cell)}{columns}"


def _outcome(cell: Cell) -> str:
    detail = cell.scope if cell.outcome == "allowed" else cell.sqlstate
    return f"{cell.outcome} {detail}" if detail else cell.outcome


def decided(matrix: Matrix, persona: str, relation: str, command: Command) -> set[str | None]:
    """Return the policies that decided the cells, None for those that no policy did."""
    return {c.decided_by for c in matrix.find(persona, f"public.{relation}", command)}
