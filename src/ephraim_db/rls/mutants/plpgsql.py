"""The SQL in a function in PL/pgSQL, and the function with other SQL in its place.

begin select p.team into t from people as p where p.id = me; return t; end
      `--------- select p.team from people as p where p.id = me
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pglast import ast, parse_plpgsql, parse_sql
from pglast.enums import FunctionParameterMode, SubLinkType
from pglast.parser import ParseError
from pglast.stream import RawStream

_INTO = r"(?:\s+into\s+(?:strict\s+)?[\w.]+(?:\s*,\s*[\w.]+)*)?"


@dataclass(frozen=True, slots=True)
class Piece:
    """A statement or an expression, as a SELECT, and the definition around it."""

    select: str
    before: str
    after: str
    is_performed: bool = False

    def replaced(self, select: str) -> str:
        """Return the definition with another SELECT instead."""
        text = select[len("select ") :] if self.is_performed else select
        return f"{self.before}{text}{self.after}"


def pieces(definition: str) -> Iterator[Piece]:
    """Yield what a function returns, asks in an IF, performs, or selects into variables.

    What is there twice in the same words is left out: it could be either.
    """
    try:
        (function,) = parse_plpgsql(_without_arrays(definition))
    except (ParseError, ValueError, json.JSONDecodeError):
        return
    for statement in _statements(function):
        match statement:
            case {"PLpgSQL_stmt_return": {"expr": {"PLpgSQL_expr": {"query": query}}}}:
                yield from _expressions(definition, r"\breturn\s*", query)
            case {"PLpgSQL_stmt_if": {"cond": {"PLpgSQL_expr": {"query": query}}}} | {
                "PLpgSQL_if_elsif": {"cond": {"PLpgSQL_expr": {"query": query}}}
            }:
                yield from _expressions(definition, r"\b(?:else?)?if\s*", query)
            case {"PLpgSQL_stmt_perform": {"expr": {"PLpgSQL_expr": {"query": query}}}}:
                for start, end in _places(definition, r"\bperform\s+", query.split()[1:]):
                    yield Piece(query, definition[:start], definition[end:], is_performed=True)
            case {"PLpgSQL_stmt_execsql": {"into": True, "sqlstmt": sql} as selecting}:
                query, into = sql["PLpgSQL_expr"]["query"], _into(selecting)
                for start, end in _places(definition, r"\b", query.split()):
                    yield Piece(query, definition[:start], f" {into}{definition[end:]}")


def _without_arrays(definition: str) -> str:
    """Return it with other types where one is an array, which may be of a type of the project's."""
    tree: Any = parse_sql(definition)[0].stmt
    for parameter in tree.parameters or ():
        if parameter.mode == FunctionParameterMode.FUNC_PARAM_VARIADIC:
            parameter.mode = FunctionParameterMode.FUNC_PARAM_IN
        parameter.argType.arrayBounds = None
    if tree.returnType is not None:
        tree.returnType.arrayBounds = None
    text: str = RawStream()(tree)
    return text


def _statements(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, list):
        for item in node:
            yield from _statements(item)
    elif isinstance(node, dict):
        yield node
        for inside in node.values():
            yield from _statements(inside)


def _expressions(definition: str, keyword: str, query: str) -> Iterator[Piece]:
    """Yield an expression; a SELECT in parentheses is that SELECT."""
    select: Any = parse_sql(f"select {query}")[0].stmt
    value = select.targetList[0].val
    if isinstance(value, ast.SubLink) and value.subLinkType == SubLinkType.EXPR_SUBLINK:
        select = value.subselect
    for start, end in _places(definition, keyword, query.split()):
        yield Piece(RawStream()(select), f"{definition[:start]}(", f"){definition[end:]}")


def _into(selecting: Any) -> str:
    target = selecting["target"]
    fields = target.get("PLpgSQL_row", {}).get("fields") or [
        {"name": target["PLpgSQL_rec"]["refname"]}
    ]
    strict = "strict " if selecting.get("strict") else ""
    return f"into {strict}{', '.join(field['name'] for field in fields)}"


def _places(definition: str, keyword: str, words: list[str]) -> list[tuple[int, int]]:
    """Return from where to where the words are after the keyword, with what they are put into."""
    text = rf"{_INTO}\s+".join(map(re.escape, words)) + _INTO
    found = re.finditer(f"{keyword}({text})", definition, re.IGNORECASE)
    places = [match.span(1) for match in found]
    return places if len(places) == 1 else []
