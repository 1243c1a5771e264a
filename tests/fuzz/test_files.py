"""Whatever people write in the files of a project, it is read, or an error says what to mend."""

from __future__ import annotations

import atexit
import datetime
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.conftest import PROJECT
from tests.fuzz.profiles import tried

from ephraim_db.errors import InvalidContract, InvalidPersonas, InvalidProject
from ephraim_db.migrations.seed import seed_paths
from ephraim_db.project import read_api_config
from ephraim_db.rls import read_personas
from ephraim_db.rls.contract.file import contract_text, read_contract
from ephraim_db.testing.configuring import read_configuration

FOLDER = Path(tempfile.mkdtemp())  # no fixture, because atheris calls the properties as well
atexit.register(shutil.rmtree, FOLDER)
(FOLDER / "supabase").mkdir()
RLS = FOLDER / "supabase" / "rls.toml"
CONFIG = FOLDER / "supabase" / "config.toml"
CONTRACT = FOLDER / "supabase" / "rls.contract"
PYPROJECT = FOLDER / "pyproject.toml"
SENTENCES = (PROJECT / "supabase" / "rls.contract").read_text("utf-8").split("\n")

scalars: st.SearchStrategy[Any] = (
    st.sampled_from(["public", "anon", "organization_id", "", " ", "\0", "a\nb", "é", 'a"b', "x.y"])
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.sampled_from([float("nan"), float("inf"), 1.5])
    | st.sampled_from([datetime.date(2026, 1, 27), datetime.datetime(2026, 1, 27)])
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


def texts(*usual: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from(usual) | st.sampled_from(usual) | values


def table(**keys: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """A table with those keys, each perhaps missing, perhaps another one, perhaps no table."""
    whole = st.fixed_dictionaries({}, optional=keys)
    return whole | whole | whole | st.builds(lambda t, v: {**t, "other": v}, whole, values) | values


personas = st.dictionaries(
    st.sampled_from(["anonymous", "worker", "two words", "", "a\nb", '"', "é"]),
    table(role=texts("anon"), sub=texts("a0"), organization=texts("b0"), claims=table(x=values)),
    max_size=3,
)
rules = st.lists(table(rule=texts("secret-column"), reason=texts("so"), persona=values), max_size=2)
mutants = st.lists(table(mutant=texts("policy *"), reason=texts("so")), max_size=2)
rls = table(
    schemas=texts(["public"]),
    boundary=texts("organization_id"),
    personas=personas,
    secrets=texts(["organizations.key"]),
    suppressions=rules | values,
    unnoticed=mutants | values,
)
config = table(
    api=table(
        schemas=texts(["public"]),
        extra_search_path=texts(["public"]),
        max_rows=texts(1000),
        auto_expose_new_tables=texts(True),
    ),
    db=table(seed=table(enabled=texts(True), sql_paths=texts(["./seed.sql", "../*", "["]))),
)
pyproject = table(tool=table(ephraim_db=table(project=texts("."), postgres=texts("embedded"))))


def toml(value: Any) -> str:
    """Write a value as TOML, inline."""
    match value:
        case bool():
            return str(value).lower()
        case dict():
            inner = ", ".join(f"{json.dumps(str(k))} = {toml(v)}" for k, v in value.items())
            return f"{{ {inner} }}"
        case list():
            return f"[{', '.join(map(toml, value))}]"
        case str():
            return json.dumps(value, ensure_ascii=not value.isprintable())
        case datetime.date():
            return value.isoformat()
        case _:
            return str(value)


def document(value: Any) -> bytes:
    """Write a document: a line for each key, or whatever it is."""
    if not isinstance(value, dict):
        return toml(value).encode()
    return "\n".join(f"{json.dumps(k)} = {toml(v)}" for k, v in value.items()).encode()


raw = st.binary(max_size=100) | st.sampled_from(
    [
        b"a = " + b"[" * 50_000,
        b"a = " + b"9" * 5000,
        b"\xef\xbb\xbf",
        "a = 1".encode("utf-16"),
        b"a = 1\r\nb = 2\r",
        b"\0",
    ]
)


@tried(120, long=10_000)
@given(rls.map(document) | raw)
def test_personas_are_read_or_the_key_is_named(content: bytes) -> None:
    RLS.write_bytes(content)
    try:
        read = read_personas(RLS)
    except InvalidPersonas as refusal:
        assert str(refusal).startswith(f"{RLS}: ")
        assert "\n" not in str(refusal)
        return
    for persona in read.everyone:
        json.loads(persona.jwt_claims, parse_constant=lambda name: 1 / 0)
    kept = [*read.schemas, *read.secrets, *(p.role for p in read.everyone)]
    assert all(text and "\0" not in text for text in kept)


@tried(80, long=10_000)
@given(config.map(document) | raw)
def test_a_configuration_is_read_or_the_key_is_named(content: bytes) -> None:
    CONFIG.write_bytes(content)
    try:
        api = read_api_config(FOLDER)
    except InvalidProject as refusal:
        assert str(CONFIG) in str(refusal)
    else:
        assert all(isinstance(schema, str) and schema for schema in api.schemas)
        assert 0 < api.max_rows < 2**31
    try:
        seed_paths(FOLDER, lambda _: None)
    except InvalidProject as refusal:
        assert str(CONFIG) in str(refusal)


@tried(80, long=10_000)
@given(pyproject.map(document) | raw)
def test_the_plugins_configuration_is_read_or_the_key_is_named(content: bytes) -> None:
    PYPROJECT.write_bytes(content)
    try:
        read_configuration(FOLDER)
    except InvalidProject as refusal:
        assert str(PYPROJECT) in str(refusal)


MARKS = ["<<<<<<< HEAD", "=======", ">>>>>>> theirs", "", "# a comment", "\0", "\ufeff", "x"]
lines = st.sampled_from(SENTENCES) | st.sampled_from([*SENTENCES, *MARKS])
spoilt = st.tuples(st.sampled_from(SENTENCES), st.integers(0, 200), st.text(max_size=5)).map(
    lambda spoiling: spoiling[0][: spoiling[1]] + spoiling[2] + spoiling[0][spoiling[1] + 1 :]
)
contracts = st.lists(lines | spoilt, max_size=12).map(
    lambda some: "\n".join([SENTENCES[0], *some]).encode("utf-8", "surrogatepass")
)


@tried(120, long=10_000)
@given(contracts | raw)
def test_a_contract_is_read_or_the_line_is_named(content: bytes) -> None:
    CONTRACT.write_bytes(content)
    try:
        facts = read_contract(CONTRACT)
    except InvalidContract as refusal:
        assert str(refusal).startswith(f"{CONTRACT}:")
        return
    CONTRACT.write_bytes(contract_text(facts).encode())
    assert read_contract(CONTRACT) == facts


def test_a_folder_in_the_place_of_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidPersonas, match="cannot be read"):
        read_personas(tmp_path)
    with pytest.raises(InvalidContract, match="cannot be read"):
        read_contract(tmp_path)
    (tmp_path / "supabase" / "config.toml").mkdir(parents=True)
    with pytest.raises(InvalidProject, match="cannot be read"):
        read_api_config(tmp_path)
