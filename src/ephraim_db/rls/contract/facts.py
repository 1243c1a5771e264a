"""The matrix taken apart into facts, each of which can be agreed to, or be missing, by itself.

Matrix --facts_of--> Actor      who acts as which role
                     Thing      what there is
                     Access     what one persona can do with one column
                     Doubt      what could not be decided, and why

What was refused by grant is no fact: the contract is what is possible, and silence means no.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ephraim_db.rls.matrix import Cell, Matrix

WHOLE = ""
"""Stands for the whole row, or the function, where a command has no columns."""


TO = " = "
"""Stands between column and value where the command is UPDATE TO."""


@dataclass(frozen=True, slots=True)
class Actor:
    """A persona, and the Postgres role it acts as."""

    persona: str
    role: str


@dataclass(frozen=True, slots=True)
class Thing:
    """A relation, schema-qualified, and its kind."""

    relation: str
    kind: str


@dataclass(frozen=True, slots=True)
class Access:
    """What happened when a persona tried a command on a column.

    Of UPDATE TO, `column` is "column = value"; of EXECUTE, what the function was seen to do.
    `result` is the scope if it was allowed: "own", "organization", "all", or "none" where
    nothing tells whose rows a function returned, which policies hold; else "hidden",
    "refused_by_policy", "unproven", or a SQLSTATE.
    """

    persona: str
    command: str
    relation: str
    column: str
    result: str


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why it is not known how far a command of a persona reaches."""

    persona: str
    command: str
    relation: str
    reason: str


Fact = Actor | Thing | Access | Doubt
Facts = frozenset[Fact]


def facts_of(matrix: Matrix) -> Facts:
    """Return everything the matrix says."""
    return frozenset(_facts(matrix))


def in_order(facts: Facts) -> list[Fact]:
    """Return the personas, then each relation with its columns: what belongs together is near."""
    return sorted(facts, key=_place)


def topic(fact: Fact) -> Fact:
    """Return what a fact is about: two facts of one topic exclude each other."""
    match fact:
        case Actor(persona, _):
            return Actor(persona, "")
        case Thing(relation, _):
            return Thing(relation, "")
        case Access(persona, command, relation, column, _):
            return Access(persona, command, relation, column, "")
        case Doubt():
            return fact


def _facts(matrix: Matrix) -> Iterator[Fact]:
    for persona in matrix.personas:
        yield Actor(persona.name, persona.role)
    for relation in matrix.relations:
        yield Thing(relation.name, relation.kind)
    doubted = set()
    for doubt in (one for one in matrix.unproven if not one.of_search):
        doubted.add((doubt.persona, doubt.relation, doubt.command))
        yield Doubt(doubt.persona, doubt.command, doubt.relation, _one_line(doubt.reason))
    for place, cells in matrix.by_place().items():
        tried = [cell for cell in cells if cell.outcome != "refused_by_grant"]
        if not all(cell.outcome == "unproven" for cell in tried):
            for cell in tried:
                yield from _accesses(cell)
        elif tried and place not in doubted:
            first = tried[0]
            yield Access(first.persona, first.command, first.relation, WHOLE, "unproven")


def _accesses(cell: Cell) -> Iterator[Access]:
    result: str = cell.outcome
    if cell.outcome == "allowed":
        result = cell.scope
    elif cell.outcome == "error":
        result = cell.sqlstate or "unknown"
    for column in cell.columns or (WHOLE,):
        yield Access(cell.persona, cell.command, cell.relation, column, result)


def _one_line(reason: str) -> str:
    return " ".join(reason.split()) or "no reason is known"


def _place(fact: Fact) -> tuple[str, ...]:
    match fact:
        case Actor():
            return ("", fact.persona, fact.role)
        case Thing():
            return (fact.relation, "", "", fact.kind)
        case Doubt():
            return (fact.relation, "", fact.command, fact.persona, fact.reason)
        case Access():
            return (fact.relation, fact.column, fact.command, fact.persona, fact.result)
