"""rls.contract is the same bytes for the same facts, and says where it cannot be read."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from tests.rls.conftest import NOTES, Look
from tests.rls.test_matrix import OWN, policy

from ephraim_db.errors import InvalidContract
from ephraim_db.rls.contract import facts_of, read_contract, write_contract
from ephraim_db.rls.contract.file import VERSION, contract_text

READS = (
    policy("select", OWN)
    + "create table public.empty (id int primary key check (id < 0 and id > 0));"
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rls.contract"


def test_what_was_written_is_read(look: Look, path: Path) -> None:
    facts = facts_of(look(NOTES, READS))
    write_contract(path, facts)
    assert read_contract(path) == facts


def test_the_lines_are_in_one_order_and_each_is_there_once(look: Look) -> None:
    facts = facts_of(look(NOTES, READS))
    shuffled = list(facts)
    random.Random(7).shuffle(shuffled)
    text = contract_text(frozenset(shuffled))
    assert text == contract_text(facts)
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert len(lines) == len(set(lines)) == len(facts)


def test_what_is_about_one_column_stands_together(look: Look) -> None:
    """So a column that a migration adds is one hunk of a diff."""
    lines = contract_text(facts_of(look(NOTES, READS))).splitlines()
    about = [n for n, line in enumerate(lines) if " public.notes.title " in f"{line} "]
    assert about == list(range(about[0], about[-1] + 1))


def test_what_was_not_granted_is_not_written(look: Look) -> None:
    revoked = look(NOTES, "revoke all on public.notes from anon")
    assert "visitor reads public.notes" not in contract_text(facts_of(revoked))


def test_what_no_row_could_show_is_written_with_the_reason(look: Look) -> None:
    text = contract_text(facts_of(look(NOTES, READS)))
    assert "ann perhaps reads public.empty: the relation has no row" in text
    assert "ann reads public.empty" not in text


def test_line_endings_and_comments_do_not_matter(look: Look, path: Path) -> None:
    facts = facts_of(look(NOTES, READS))
    text = contract_text(facts).replace("\n\n", "\n\n# a word of explanation\n")
    path.write_bytes(text.replace("\n", "\r\n").encode())
    assert read_contract(path) == facts


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (None, "there is no contract yet: `ephraim-db rls accept` writes it"),
        ("", ":1: should be"),
        ("ann acts as anon\n", ":1: should be"),
        (f"{VERSION}\n<<<<<<< HEAD\n", ":2: is the mark of a conflict"),
        (f"{VERSION}\nann reads public.notes.title\n", ":2: states no fact"),
        (f"{VERSION}\nann acts as anon\nann acts as service_role\n", ":3: says otherwise than"),
    ],
)
def test_a_file_that_cannot_be_compared_with_says_why(
    path: Path, text: str | None, problem: str
) -> None:
    if text is not None:
        path.write_text(text)
    with pytest.raises(InvalidContract) as refused:
        read_contract(path)
    assert problem in str(refused.value)
    assert str(path) in str(refused.value)
