"""What rls.toml may say of mutants that nothing needs to notice."""

from __future__ import annotations

from pathlib import Path

import pytest

from ephraim_db.errors import InvalidPersonas
from ephraim_db.rls import read_personas
from ephraim_db.rls.unnoticed import Unnoticed


@pytest.mark.parametrize(
    ("entry", "key", "told"),
    [
        ('unnoticed = "all"', "unnoticed", r"write \[\[unnoticed\]\]"),
        ('unnoticed = ["all"]', "unnoticed[0]", r"write \[\[unnoticed\]\]"),
        ('[[unnoticed]]\nmutant = "*"', "unnoticed[0].reason", "say why"),
        ('[[unnoticed]]\nmutant = "*"\nreason = " "', "unnoticed[0].reason", "say why"),
        ('[[unnoticed]]\nreason = "x"', "unnoticed[0].mutant", "anything"),
        (
            '[[unnoticed]]\nmutant = "*"\nreason = "x"\nagainst = "all"',
            "unnoticed[0].against",
            "contract",
        ),
        ('[[unnoticed]]\nmutant = "*"\nreason = "x"\nwhy = 1', "unnoticed[0].why", "not known"),
    ],
)
def test_an_entry_without_a_mutant_and_a_reason_is_refused(
    tmp_path: Path, entry: str, key: str, told: str
) -> None:
    path = tmp_path / "rls.toml"
    path.write_text(f'{entry}\n[personas.visitor]\nrole = "anon"\n')
    with pytest.raises(InvalidPersonas, match=told) as refused:
        read_personas(path)
    assert refused.value.key == key


@pytest.mark.parametrize(
    ("pattern", "title", "holds"),
    [
        ("table public.notes: *", "table public.notes: has no row security", True),
        ("table public.note: *", "table public.notes: has no row security", False),
        ("*", "anything", True),
        ("function f(uuid[]): *", "function f(uuid[]): is gone", True),
    ],
)
def test_a_star_stands_for_anything_and_brackets_for_themselves(
    pattern: str, title: str, holds: bool
) -> None:
    assert Unnoticed(pattern, "because").holds_for(title) == holds
