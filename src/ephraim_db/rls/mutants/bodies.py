"""Mutants of functions: helpers of policies that say something else, settings that are gone.

create or replace function private.is_member() ... as $$ select true $$

In PL/pgSQL each piece of SQL is broken where it stands, see plpgsql.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pglast import ast, parse_sql
from pglast.parser import ParseError
from pglast.stream import RawStream

from ephraim_db.rls.mutants.expressions import Edit, mutate_statement
from ephraim_db.rls.mutants.mutant import Mutant
from ephraim_db.rls.mutants.plpgsql import pieces
from ephraim_db.rls.mutants.targets import FunctionText, Targets


def break_functions(targets: Targets) -> Iterator[Mutant]:
    """Yield mutants of the functions that policies call, and of every fixed search_path."""
    helping = targets.functions.called(oid for policy in targets.policies for oid in policy.calls)
    for oid, function in targets.definitions.items():
        if oid in helping:
            yield from _say_something_else(targets, function)
        facts = targets.functions.by_oid[oid]
        if facts.schema in targets.personas.schemas and not (facts.definer or facts.is_trigger):
            yield Mutant(
                "make a function security definer",
                f"function {function.signature}",
                "runs as its owner",
                f"alter function {function.signature} security definer",
                functions=(oid,),
                wanted="rows that a persona may not reach, and that it returns or changes",
            )
        if function.search_path is not None:
            yield Mutant(
                "remove search_path",
                f"function {function.signature}",
                "runs with the search_path of whoever calls",
                f"alter function {function.signature} reset search_path",
                functions=(oid,),
                wanted="a schema that comes first for the caller, with something of a name in it",
                equivalent=_same_search_path(targets, function),
            )


def _same_search_path(targets: Targets, function: FunctionText) -> str | None:
    if targets.may_create or function.search_path not in ('""', "pg_catalog", "''", ""):
        return None
    return (
        "its search_path is empty, so names without a schema are pg_catalog's, and no persona's "
        "role may create a schema's objects to come before them"
    )


def _say_something_else(targets: Targets, function: FunctionText) -> Iterator[Mutant]:
    try:
        tree = parse_sql(function.definition)[0].stmt
    except ParseError:
        return
    facts = targets.functions.by_oid[function.oid]
    if not facts.returns_set:
        for value, words in _values(targets, function):
            operator = "helper returns " + ("its argument" if value.startswith("$") else words)
            yield _mutant(
                function,
                Edit(operator, f"returns {words}", f"select {value}", "a row it decides about"),
                RawStream()(_with_body(tree, f"select {value}")),
            )
    if (body := _sql_body(tree)) is not None:
        for edit in mutate_statement(body, targets.named):
            yield _mutant(function, edit, RawStream()(_with_body(tree, edit.sql)))
    for piece in pieces(function.definition):
        for edit in mutate_statement(piece.select, targets.named):
            yield _mutant(function, edit, piece.replaced(edit.sql))


def _values(targets: Targets, function: FunctionText) -> Iterator[tuple[str, str]]:
    names = targets.functions.by_oid[function.oid].argument_names
    if function.returns == "boolean":
        yield "true", "true"
    for at, kind in enumerate(function.argument_types):
        if kind == function.returns:
            name = names[at] if at < len(names) else ""
            yield f"${at + 1}", f"its argument {name}".rstrip()
    yield f"null::{function.returns}", "null"


def _mutant(function: FunctionText, edit: Edit, sql: str) -> Mutant:
    return Mutant(
        edit.operator,
        f"function {function.signature}",
        edit.change,
        sql,
        functions=(function.oid,),
        wanted=edit.wanted,
        equivalent=edit.same,
    )


def _sql_body(tree: Any) -> str | None:
    """Return the text of a function in SQL."""
    options = {option.defname: option.arg for option in tree.options}
    if options["language"].sval != "sql" or "as" not in options:
        return None
    text: str = options["as"][0].sval
    return text


def _with_body(tree: Any, body: str) -> Any:
    """Return the definition with another body, in SQL."""
    tree = parse_sql(RawStream()(tree))[0].stmt
    kept = [option for option in tree.options if option.defname not in ("as", "language")]
    tree.sql_body = None
    tree.replace = True
    tree.options = (
        ast.DefElem(defname="language", arg=ast.String("sql")),
        *kept,
        ast.DefElem(defname="as", arg=(ast.String(f" {body} "),)),
    )
    return tree
