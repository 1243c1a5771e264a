"""docs/reference says what the code says."""

from __future__ import annotations

import importlib
import inspect
import re

import pytest
from tests.docs import reference


@pytest.mark.parametrize("name", reference.PAGES)
def test_a_page_is_what_the_code_says_now(name: str) -> None:
    written = (reference.FOLDER / name).read_text("utf-8")
    assert written == reference.page(name), (
        "out of date: run `make reference` and commit docs/reference"
    )


def test_no_page_is_left_over() -> None:
    assert {path.name for path in reference.FOLDER.iterdir()} == set(reference.PAGES)


@pytest.mark.parametrize("module", reference.MODULES)
def test_every_public_function_and_class_says_what_it_is(module: str) -> None:
    loaded = importlib.import_module(module)
    public = {name: getattr(loaded, name) for name in loaded.__all__}
    silent = [
        name
        for name, member in public.items()
        if (inspect.isclass(member) or inspect.isroutine(member)) and not member.__doc__
    ]
    assert silent == []


def test_nothing_of_this_machine_is_in_it() -> None:
    for name in reference.PAGES:
        assert not re.search(r" at 0x|/home/|/root|/tmp/", reference.page(name))
