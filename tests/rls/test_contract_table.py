"""Who may do what in our own project, observed on a real database: as promised, and no more."""

from __future__ import annotations

import psycopg
import pytest
from tests.rls.promises import NAMES, PERSONAS, TABLE, expected, observed

from ephraim_db.rls import Matrix, build_matrix, observe


@pytest.fixture(scope="module")
def ours(on_any_platform: str) -> Matrix:
    with psycopg.connect(on_any_platform, autocommit=True) as connection:
        return build_matrix(PERSONAS.everyone, observe(connection, PERSONAS))


@pytest.mark.parametrize("relation", TABLE)
@pytest.mark.parametrize("persona", NAMES)
def test_each_persona_can_do_what_the_table_says_and_no_more(
    ours: Matrix, persona: str, relation: str
) -> None:
    assert observed(ours, persona, relation) == expected(persona, relation)


def test_nothing_of_the_table_is_left_undecided(ours: Matrix) -> None:
    """Not everybody owns a row everywhere: a worker is no participant."""
    tables = {f"public.{relation}" for relation in TABLE}
    doubts = {doubt.reason for doubt in ours.unproven if doubt.relation in tables}
    assert doubts == {"no row of its own to try"}
