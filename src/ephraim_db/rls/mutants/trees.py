"""A parse tree: walked with what each node's place means, changed in one place, printed again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pglast import ast, parse_sql
from pglast.enums import BoolExprType, JoinType, SubLinkType
from pglast.stream import RawStream

from ephraim_db.rls.catalog import Relation

Named = Callable[[str | None, str], Relation | None]
"""Finds a relation by schema and name."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a node is. `is_filter`: null does there what false does; `is_positive`: more passes
    if more passes here.
    """

    path: tuple[tuple[str, int | None], ...] = ()
    scope: Mapping[str, Relation | None] = field(default_factory=dict)
    is_filter: bool = True
    is_positive: bool = True

    def at(self, name: str, index: int | None = None, **changes: Any) -> Place:
        """Return the place of a child."""
        return replace(self, path=(*self.path, (name, index)), **changes)


def printed(node: Any) -> str | None:
    """Return the SQL, if it says what the tree says."""
    text: str = RawStream()(node)
    is_whole = isinstance(node, ast.SelectStmt)
    again: Any = parse_sql(text if is_whole else f"select {text}")[0].stmt
    said = again if is_whole else again.targetList[0].val
    return text if _shape(said) == _shape(node) else None


def _shape(node: Any) -> Any:
    """Return what can be compared: without places in the text, nor parentheses of and and or."""
    if isinstance(node, tuple):
        return tuple(_shape(item) for item in node)
    if not isinstance(node, ast.Node):
        return node
    if isinstance(node, ast.BoolExpr) and node.boolop != BoolExprType.NOT_EXPR:
        return (node.boolop, *_flat(node))
    return (type(node), *(_shape(getattr(node, name)) for name in node if name not in _PLACES))


def _flat(node: Any) -> Iterator[Any]:
    for arg in node.args:
        if isinstance(arg, ast.BoolExpr) and arg.boolop == node.boolop:
            yield from _flat(arg)
        else:
            yield _shape(arg)


_PLACES = frozenset(
    {"location", "list_start", "list_end", "rexpr_list_start", "rexpr_list_end", "stmt_len"}
)


def put(root: Any, path: tuple[tuple[str, int | None], ...], node: Any) -> Any:
    """Put `node` where the path leads, and return the root."""
    if not path:
        return node
    *before, (name, index) = path
    parent = root
    for step, at in before:
        parent = getattr(parent, step)
        parent = parent if at is None else parent[at]
    if index is None:
        setattr(parent, name, node)
    else:
        items = list(getattr(parent, name))
        items[index] = node
        setattr(parent, name, tuple(items))
    return root


def walk(node: Any, place: Place, named: Named) -> Iterator[tuple[Place, Any]]:
    """Yield every node with its place."""
    yield place, node
    if isinstance(node, ast.SelectStmt):
        place = replace(place, scope={**place.scope, **_named_in(node, named)})
    for name in node:
        value = getattr(node, name)
        items = enumerate(value) if isinstance(value, tuple) else [(None, value)]
        for index, item in items:
            if isinstance(item, ast.Node):
                yield from walk(item, _step(node, name, index, place), named)


def _step(node: Any, name: str, index: int | None, place: Place) -> Place:
    if isinstance(node, ast.BoolExpr):
        kept = node.boolop != BoolExprType.NOT_EXPR
        return place.at(
            name,
            index,
            is_filter=place.is_filter and kept,
            is_positive=place.is_positive and kept,
        )
    if isinstance(node, ast.SelectStmt) and name == "whereClause":
        return place.at(name, index, is_filter=True)
    if isinstance(node, ast.SubLink) and node.subLinkType == SubLinkType.EXISTS_SUBLINK:
        return place.at(name, index)
    if isinstance(node, ast.SelectStmt):
        return place.at(name, index, is_filter=False, is_positive=False)
    return place.at(name, index, is_filter=False, is_positive=False)


def _named_in(select: Any, named: Named) -> dict[str, Relation | None]:
    """Return the relations of a FROM by the names they have there; "" if there is only one."""
    found: dict[str, Relation | None] = {}
    todo = list(select.fromClause or ())
    while todo:
        item = todo.pop()
        if isinstance(item, ast.JoinExpr):
            if item.jointype != JoinType.JOIN_INNER:
                return {}
            todo += [item.larg, item.rarg]
        elif isinstance(item, ast.RangeVar):
            alias = str(item.alias.aliasname if item.alias else item.relname)
            found[alias] = named(item.schemaname, str(item.relname))
    if found:
        found[""] = next(iter(found.values())) if len(found) == 1 else None
    return found
