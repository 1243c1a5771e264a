"""How an expression is broken: on its parse tree, in one place, into SQL that says just that."""

from __future__ import annotations

import pytest

from ephraim_db.rls.catalog import Column, Relation
from ephraim_db.rls.mutants.expressions import Edit, mutate_expression, mutate_statement


def column(name: str, kind: str = "uuid", *, required: bool = True) -> Column:
    return Column(name, kind, required, False, True, (), False)


NOTES = Relation(
    1,
    "public",
    "notes",
    "table",
    (
        column("id"),
        column("user_id"),
        column("editor_id", required=False),
        column("fine", "boolean"),
    ),
    ("id",),
    (),
    frozenset(),
)


def edits(expression: str) -> list[Edit]:
    return list(mutate_expression(expression, NOTES, lambda schema, name: NOTES))


def becomes(expression: str, operator: str) -> list[str]:
    return [edit.sql for edit in edits(expression) if edit.operator == operator]


def test_each_conjunct_is_dropped_once() -> None:
    assert becomes("a and (b or c) and d", "drop a conjunct") == [
        "(b OR c) AND d",
        "a AND d",
        "a AND (b OR c)",
    ]


def test_and_and_or_change_places_wherever_they_stand() -> None:
    assert becomes("a and (b or c)", "swap and/or") == ["a OR (b OR c)", "a AND (b AND c)"]


def test_a_string_that_looks_like_sql_is_left_alone() -> None:
    assert becomes("user_id = f(' and a = b or ')", "drop a conjunct") == []
    assert becomes("user_id = f(' and a = b or ')", "negate a condition") == [
        "NOT user_id = f(' and a = b or ')"
    ]


def test_only_conditions_are_negated_not_what_they_compare() -> None:
    assert becomes("user_id = (select auth.uid()) and fine", "negate a condition") == [
        "NOT user_id = (SELECT auth.uid()) AND fine",
        "user_id = (SELECT auth.uid()) AND NOT fine",
    ]


def test_the_column_that_says_who_is_swapped_with_those_of_its_type() -> None:
    assert becomes("user_id = auth.uid()", "swap the column") == [
        "id = auth.uid()",
        "editor_id = auth.uid()",
    ]
    assert becomes("auth.uid() = notes.user_id", "swap the column") == [
        "auth.uid() = notes.id",
        "auth.uid() = notes.editor_id",
    ]
    assert becomes("user_id = editor_id", "swap the column") == []


@pytest.mark.parametrize(
    ("expression", "is_same"),
    [
        ("user_id = auth.uid()", True),
        ("editor_id = auth.uid()", False),
        ("not (user_id = auth.uid())", False),
        ("coalesce(user_id = auth.uid(), true)", False),
        ("exists (select from public.notes as n where n.user_id = auth.uid())", True),
        ("exists (select from public.notes as n where n.editor_id = auth.uid())", False),
        ("not exists (select from public.notes as n where n.user_id = auth.uid())", True),
        (
            "exists (select from notes as m left join notes as n on true where n.id = auth.uid())",
            False,
        ),
    ],
)
def test_null_safe_equality_is_the_same_only_where_null_cannot_be_or_does_not_count(
    expression: str, is_same: bool
) -> None:
    found = [edit for edit in edits(expression) if edit.operator == "= to is not distinct from"]
    assert [edit.same is not None for edit in found] == [is_same]


@pytest.mark.parametrize(
    ("expression", "operator", "widens"),
    [
        ("a and b", "drop a conjunct", True),
        ("not (a and b)", "drop a conjunct", False),
        ("f(a and b)", "drop a conjunct", False),
        ("a and b", "swap and/or", True),
        ("a or b", "swap and/or", False),
    ],
)
def test_it_is_known_whether_whatever_passed_still_does(
    expression: str, operator: str, widens: bool
) -> None:
    assert {e.widens for e in edits(expression) if e.operator == operator} == {widens}


def test_the_body_of_a_function_is_broken_in_its_where() -> None:
    body = "select n.id from public.notes as n where n.user_id = auth.uid() and n.fine"
    found = mutate_statement(body, lambda schema, name: NOTES)
    assert [e.sql for e in found if e.operator == "drop a conjunct"] == [
        "SELECT n.id FROM public.notes AS n WHERE n.fine",
        "SELECT n.id FROM public.notes AS n WHERE n.user_id = auth.uid()",
    ]


@pytest.mark.parametrize("text", ["select 1; select 2", "update notes set id = null", "se lect"])
def test_what_is_no_select_is_left_alone(text: str) -> None:
    assert list(mutate_statement(text, lambda schema, name: None)) == []
