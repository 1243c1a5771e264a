"""A cursor brings back the very position, and only where it belongs."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ephraim_db.cursor import Position
from ephraim_db.errors import InvalidInput

positions = st.builds(Position, st.datetimes(timezones=st.just(UTC)), st.uuids())
questions = st.lists(st.tuples(st.text(), st.text()), max_size=3)
ONE = Position(datetime(2026, 1, 27, 1, 2, 3, 456789, UTC), UUID(int=1))


@given(positions, questions)
def test_a_cursor_comes_back_to_the_microsecond(position: Position, question: object) -> None:
    assert Position.parse("after", position.cursor(question), question) == position


@given(st.integers(0, 42), st.sampled_from("ABC019-_"))
def test_a_changed_cursor_is_refused(at: int, character: str) -> None:
    cursor = ONE.cursor([])
    changed = cursor[:at] + character + cursor[at + 1 :]
    if changed != cursor:
        with pytest.raises(InvalidInput, match="after: is not the `next` of a page"):
            Position.parse("after", changed, [])


@given(st.one_of(st.text(), st.none(), st.integers(), st.binary()))
def test_what_is_no_cursor_is_refused(text: object) -> None:
    with pytest.raises(InvalidInput, match="after"):
        Position.parse("after", text, [])


def test_a_cursor_of_other_filters_is_refused() -> None:
    with pytest.raises(InvalidInput, match="same filters"):
        Position.parse("after", ONE.cursor([("status", "eq.sent")]), [("status", "eq.failed")])
