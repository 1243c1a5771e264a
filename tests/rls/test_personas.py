"""rls.toml says who is asked; what it says wrongly is told by file, key and remedy."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ephraim_db.errors import InvalidPersonas
from ephraim_db.rls import read_personas


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "rls.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_persona_is_a_role_with_claims(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        'schemas = ["public", "api"]\nboundary = "team_id"\n'
        '[personas.guest]\nrole = "authenticated"\nsub = "s"\norganization = 7\n'
        "claims = { is_anonymous = true }\n"
        '[personas.visitor]\nrole = "anon"\n',
    )
    personas = read_personas(path)
    assert (personas.schemas, personas.boundary) == (("public", "api"), "team_id")
    assert personas["guest"].organization == "7"
    assert json.loads(personas["guest"].jwt_claims) == {
        "role": "authenticated",
        "sub": "s",
        "is_anonymous": True,
    }
    assert json.loads(personas["visitor"].jwt_claims) == {"role": "anon"}


def test_a_persona_may_be_a_member_of_several_organizations(tmp_path: Path) -> None:
    text = '[personas.a]\nrole = "authenticated"\nsub = "s"\norganization = {}\n'
    several = read_personas(written(tmp_path, text.format('["x", 7, "x"]')))["a"]
    assert (several.organization, several.organizations) == ("x", ("x", "7"))
    assert read_personas(written(tmp_path, text.format('"x"')))["a"].organizations == ("x",)
    assert read_personas(written(tmp_path, text.format("[]")))["a"].organizations == ()


def test_schemas_are_public_unless_it_says_otherwise(tmp_path: Path) -> None:
    personas = read_personas(written(tmp_path, '[personas.visitor]\nrole = "anon"\n'))
    assert (personas.schemas, personas.boundary) == (("public",), None)


@pytest.mark.parametrize(
    ("text", "key", "remedy"),
    [
        ("", "personas", "at least one"),
        ("[personas]\n", "personas", "at least one"),
        ("[personas.a]\n", "personas.a.role", "anon"),
        ("[personas.a]\nrole = ''\n", "personas.a.role", "not empty"),
        (
            "[personas.a]\nrole = 'anon'\norganization = ['']\n",
            "personas.a.organization",
            "not empty",
        ),
        ("[personas.a]\nrole = 'anon'\nsubject = 'x'\n", "personas.a.subject", "sub"),
        ("[personas.a]\nrole = 'anon'\nclaims = 'x'\n", "personas.a.claims", "table"),
        ("personas = { a = 'anon' }\n", "personas.a", "[personas.a]"),
        ("schema = 'x'\n[personas.a]\nrole = 'anon'\n", "schema", "schemas"),
        ("schemas = 'x'\n[personas.a]\nrole = 'anon'\n", "schemas", '["public"]'),
        ("boundary = true\n[personas.a]\nrole = 'anon'\n", "boundary", "text"),
        ("[personas.a\n", "", "not TOML"),
    ],
)
def test_a_mistake_is_told_by_file_key_and_remedy(
    tmp_path: Path, text: str, key: str, remedy: str
) -> None:
    path = written(tmp_path, text)
    with pytest.raises(InvalidPersonas) as caught:
        read_personas(path)
    assert caught.value.key == key
    assert str(path) in str(caught.value)
    assert key in str(caught.value)
    assert remedy in str(caught.value)


def test_a_missing_file_is_told_with_what_to_write(tmp_path: Path) -> None:
    with pytest.raises(InvalidPersonas, match=r"no such file.*\[personas\.<name>\]"):
        read_personas(tmp_path / "rls.toml")
