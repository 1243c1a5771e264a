"""Break an expression in one place, on its parse tree.

"id = auth.uid() and is_active" --mutate--> is_active; id = auth.uid(); ... or ...; not ...
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from pglast import ast, parse_sql
from pglast.enums import A_Expr_Kind, BoolExprType
from pglast.parser import ParseError
from pglast.stream import RawStream

from ephraim_db.rls.catalog import Relation
from ephraim_db.rls.mutants.trees import Named, Place, printed, put, walk


@dataclass(frozen=True, slots=True)
class Edit:
    """What an expression or a statement becomes by one mistake.

    `widens`: whatever passed before still does. `sames`: says why nothing can differ, if so.
    """

    operator: str
    change: str
    sql: str
    wanted: str
    widens: bool = False
    same: str | None = None


def mutate_expression(expression: str, relation: Relation, named: Named) -> Iterator[Edit]:
    """Yield what a policy's expression on `relation` may become; nothing that fails to parse."""
    prefix = "select "
    root = Place(scope={relation.name: relation, "": relation})
    yield from _mutate(f"{prefix}{expression}", root, named, lambda tree: tree.targetList[0].val)


def mutate_statement(statement: str, named: Named) -> Iterator[Edit]:
    """Yield what a SELECT, such as the body of a function, may become."""
    root = Place(scope={}, is_filter=False)
    yield from _mutate(statement, root, named, lambda tree: tree)


def is_true(expression: str | None) -> bool:
    """Return whether the expression is the constant true."""
    return expression is not None and expression.strip("() ").lower() == "true"


def _mutate(sql: str, root: Place, named: Named, part: Callable[[Any], Any]) -> Iterator[Edit]:
    try:
        statements = parse_sql(sql)
    except ParseError:
        return
    if len(statements) != 1 or not isinstance(statements[0].stmt, ast.SelectStmt):
        return
    whole = part(statements[0].stmt)
    for place, node in walk(whole, root, named):
        for edit, edited in _edits(node, place):
            fresh = part(parse_sql(sql)[0].stmt)
            broken = put(fresh, place.path, edited)
            if (text := printed(broken)) is not None:
                yield replace(edit, sql=text)


def _edits(node: Any, place: Place) -> Iterator[tuple[Edit, Any]]:
    if isinstance(node, ast.BoolExpr) and node.boolop != BoolExprType.NOT_EXPR:
        yield from _edit_junction(node, place)
        return
    if isinstance(node, ast.A_Expr) and node.kind == A_Expr_Kind.AEXPR_OP:
        yield from _edit_equality(node, place)
    if _is_condition(place) and not isinstance(node, ast.BoolExpr | ast.A_Const):
        yield (
            Edit(
                "negate a condition",
                f"not ({_text(node)})",
                "",
                f"a row for which {_text(node)} is true, and one for which it is false",
            ),
            ast.BoolExpr(BoolExprType.NOT_EXPR, (node,)),
        )


def _is_condition(place: Place) -> bool:
    """Return whether what stands here decides by itself: a whole, a part of and, or, where."""
    if not place.path:
        return place.is_filter
    return place.path[-1][0] == "whereClause" or (place.path[-1][0] == "args" and place.is_filter)


def _edit_junction(node: Any, place: Place) -> Iterator[tuple[Edit, Any]]:
    is_and = node.boolop == BoolExprType.AND_EXPR
    if is_and:
        for at, dropped in enumerate(node.args):
            rest = tuple(arg for other, arg in enumerate(node.args) if other != at)
            others = rest[0] if len(rest) == 1 else ast.BoolExpr(BoolExprType.AND_EXPR, rest)
            yield (
                Edit(
                    "drop a conjunct",
                    f"without {_text(dropped)}",
                    "",
                    f"a row for which {_text(dropped)} is not true, but {_text(others)} is",
                    widens=place.is_positive,
                ),
                others,
            )
    swapped = BoolExprType.OR_EXPR if is_and else BoolExprType.AND_EXPR
    words = ("and", "or") if is_and else ("or", "and")
    yield (
        Edit(
            "swap and/or",
            f"{words[1]} for {words[0]} in {_text(node)}",
            "",
            f"a row for which only one of these is true: {_listed(node.args)}",
            widens=is_and and place.is_positive,
        ),
        ast.BoolExpr(swapped, node.args),
    )


def _edit_equality(node: Any, place: Place) -> Iterator[tuple[Edit, Any]]:
    if [name.sval for name in node.name] not in (["="], ["pg_catalog", "="]):
        return
    sides = (node.lexpr, node.rexpr)
    never_null = next((side for side in sides if _is_never_null(side, place)), None)
    same = None
    if never_null is not None and place.is_filter:
        same = f"{_text(never_null)} is never null, so both are true of the same rows"
    yield (
        Edit(
            "= to is not distinct from",
            f"is not distinct from in {_text(node)}",
            "",
            f"a row for which both sides of {_text(node)} are null",
            widens=place.is_positive,
            same=same,
        ),
        ast.A_Expr(A_Expr_Kind.AEXPR_NOT_DISTINCT, (ast.String("="),), node.lexpr, node.rexpr),
    )
    for column, value, is_left in (
        (node.lexpr, node.rexpr, True),
        (node.rexpr, node.lexpr, False),
    ):
        if isinstance(column, ast.ColumnRef) and _says_who_asks(value, place):
            for name, other in _other_columns(column, place):
                left, right = (other, value) if is_left else (value, other)
                yield (
                    Edit(
                        "swap the column",
                        f"{name} for {_text(column)} in {_text(node)}",
                        "",
                        f"a row for which {_text(node)} is true, and not with {name}",
                    ),
                    ast.A_Expr(A_Expr_Kind.AEXPR_OP, node.name, left, right),
                )


def _says_who_asks(node: Any, place: Place) -> bool:
    """Return whether a side of a comparison is about the session: a call, a variable, a select."""
    if isinstance(node, ast.SubLink):
        select: Any = node.subselect
        return not select.fromClause and _says_who_asks(select.targetList[0].val, place)
    if isinstance(node, ast.TypeCast):
        return _says_who_asks(node.arg, place)
    if isinstance(node, ast.A_Expr):
        return _says_who_asks(node.lexpr, place)
    return isinstance(node, ast.FuncCall) or _is_variable(node, place)


def _is_variable(node: Any, place: Place) -> bool:
    """Return whether it is a bare name, and no column of what is selected from."""
    if not isinstance(node, ast.ColumnRef) or not place.scope:
        return False
    fields: Any = node.fields
    relations = [relation for alias, relation in place.scope.items() if alias]
    return len(fields) == 1 and all(
        relation and all(column.name != fields[0].sval for column in relation.columns)
        for relation in relations
    )


def _other_columns(column: Any, place: Place) -> Iterator[tuple[str, Any]]:
    relation, name = _resolve(column, place)
    known = {c.name: c for c in relation.columns} if relation else {}
    if name not in known:
        return
    for other in known.values():
        if other.name != name and other.type == known[name].type:
            fields = (*column.fields[:-1], ast.String(other.name))
            yield other.name, ast.ColumnRef(fields)


def _is_never_null(node: Any, place: Place) -> bool:
    if isinstance(node, ast.TypeCast):
        return _is_never_null(node.arg, place)
    if isinstance(node, ast.A_Const):
        return not node.isnull
    if isinstance(node, ast.ColumnRef):
        relation, name = _resolve(node, place)
        return relation is not None and any(c.name == name and c.required for c in relation.columns)
    return False


def _resolve(column: Any, place: Place) -> tuple[Relation | None, str]:
    fields = [str(field.sval) for field in column.fields if isinstance(field, ast.String)]
    if not 1 <= len(fields) <= 2 or len(fields) != len(column.fields):
        return None, ""
    name = fields[-1]
    return place.scope.get(fields[0] if len(fields) == 2 else ""), name


def _text(node: Any) -> str:
    text: str = RawStream()(node)
    return " ".join(text.split())


def _listed(nodes: tuple[Any, ...]) -> str:
    return "; ".join(_text(node) for node in nodes)
