"""Xero and AsyncXero are one definition: names, parameters, answers and docstrings agree."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest

from ephraim_db.xero import AsyncXero, Xero


def methods(service: type) -> dict[str, Callable[..., Any]]:
    return {
        name: member
        for name, member in vars(service).items()
        if inspect.isfunction(member) and (not name.startswith("_") or name == "__init__")
    }


def test_both_have_the_same_methods() -> None:
    assert list(methods(Xero)) == list(methods(AsyncXero))
    assert "token" in methods(Xero)


@pytest.mark.parametrize("name", methods(Xero))
def test_a_method_says_the_same_in_both(name: str) -> None:
    blocking, awaiting = methods(Xero)[name], methods(AsyncXero)[name]
    assert inspect.signature(blocking) == inspect.signature(awaiting)
    assert blocking.__doc__ == awaiting.__doc__
    assert inspect.iscoroutinefunction(awaiting) or name == "__init__"
