"""docs/mutation.md says what is so: its commands can be given, its entries are in our rls.toml.

The command itself is run by test_command.py, and on our own project by CI.
"""

from __future__ import annotations

import re
import shlex
import tomllib

import click
import pytest
from tests.conftest import PROJECT
from tests.docs.blocks import ROOT, Block, blocks_of

from ephraim_db.cli.rls.mutate import mutate

PAGE = "docs/mutation.md"
BLOCKS = list(blocks_of(PAGE))


def shown(language: str) -> list[Block]:
    return [block for block in BLOCKS if block.language == language]


@pytest.mark.parametrize("block", shown("console"), ids=str)
def test_its_commands_can_be_given(block: Block) -> None:
    for line in re.findall(r"^\$ (.*)$", block.text, re.MULTILINE):
        words = shlex.split(line, comments=True)
        if words[:2] == ["pip", "install"]:
            extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
            assert "mutation" in extras["project"]["optional-dependencies"]
            assert words[2:] == ["ephraim-db[mutation]"]
        else:
            assert words[:3] == ["ephraim-db", "rls", "mutate"]
            with click.Context(mutate, info_name="mutate"):
                mutate.make_context("mutate", words[3:])


@pytest.mark.parametrize("block", shown("toml"), ids=str)
def test_its_entries_are_ours(block: Block) -> None:
    ours = tomllib.loads((PROJECT / "supabase" / "rls.toml").read_text("utf-8"))
    told = tomllib.loads(block.text)
    for name, persona in told.get("personas", {}).items():
        assert ours["personas"][name] == persona
    for entry in told.get("unnoticed", []):
        assert entry in ours["unnoticed"]


def test_the_target_of_the_makefile_is_there() -> None:
    assert re.search(r"^test-rls:", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
