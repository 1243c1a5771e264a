"""A finding may be accepted, with a reason, and only as long as it is there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.rls.findings.conftest import EVERYONE, PLAIN, Find
from tests.rls.test_matrix import policy

from ephraim_db.errors import InvalidPersonas
from ephraim_db.rls import read_personas
from ephraim_db.rls.findings import STALE
from ephraim_db.rls.suppressions import Suppression

READ = "cross-boundary-read"
LEAK = policy("select", "true")


def accepting(*suppressions: Suppression) -> dict[str, object]:
    return {"personas": replace(EVERYONE, suppressions=suppressions)}


def test_an_accepted_finding_is_left_out(find: Find) -> None:
    assert find(PLAIN, LEAK, **accepting(Suppression(READ, "all is public here"))) == []


def test_what_is_accepted_of_one_is_still_found_of_another(find: Find) -> None:
    found = find(PLAIN, LEAK, **accepting(Suppression(READ, "she audits", persona="ann")))
    assert [(f.rule, f.persona) for f in found] == [(READ, "bob")]


def test_what_accepts_nothing_is_an_error(find: Find) -> None:
    stale = Suppression(READ, "was so once", persona="ann", relation="public.teams")
    found = find(PLAIN, **accepting(stale))
    assert found.said(STALE) == ["error teams"]
    assert "cross-boundary-read, ann, public.teams" in found[0].message


@pytest.mark.parametrize(
    ("lines", "key"),
    [
        ('rule = "x"', "suppressions[0].reason"),
        ('reason = "x"', "suppressions[0].rule"),
        ('rule = "x"\nreason = " "', "suppressions[0].reason"),
        ('rule = "x"\nreason = "y"\ntable = "z"', "suppressions[0].table"),
    ],
)
def test_a_suppression_says_what_and_why(tmp_path: Path, lines: str, key: str) -> None:
    path = tmp_path / "rls.toml"
    path.write_text(f'[personas.visitor]\nrole = "anon"\n[[suppressions]]\n{lines}\n')
    with pytest.raises(InvalidPersonas) as refused:
        read_personas(path)
    assert refused.value.key == key


def test_secrets_and_suppressions_are_read(tmp_path: Path) -> None:
    path = tmp_path / "rls.toml"
    path.write_text(
        'secrets = ["teams.pin"]\n[personas.visitor]\nrole = "anon"\n'
        '[[suppressions]]\nrule = "a"\nreason = "b"\npersona = "visitor"\n'
    )
    personas = read_personas(path)
    assert personas.secrets == ("teams.pin",)
    assert personas.suppressions == (Suppression("a", "b", "visitor"),)
