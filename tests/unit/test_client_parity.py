"""Client and AsyncClient are one definition: names, parameters and docstrings agree."""

import inspect
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
import supabase

import ephraim_db
from ephraim_db import AsyncClient, Client


def methods(client: type) -> dict[str, Callable[..., Any]]:
    return {
        name: member
        for name, member in vars(client).items()
        if inspect.isfunction(member) and (not name.startswith("_") or name == "__init__")
    }


def test_both_have_the_same_methods() -> None:
    assert list(methods(Client)) == list(methods(AsyncClient))
    assert "update_organization_settings" in methods(Client)


@pytest.mark.parametrize("name", [name for name in methods(Client) if name != "__init__"])
def test_a_method_says_the_same_in_both(name: str) -> None:
    blocking, awaiting = methods(Client)[name], methods(AsyncClient)[name]
    assert inspect.signature(blocking).parameters == inspect.signature(awaiting).parameters
    assert blocking.__doc__ == awaiting.__doc__
    assert blocking.__doc__
    returned = {inspect.signature(method).return_annotation for method in (blocking, awaiting)}
    assert {annotation.removeprefix("Async") for annotation in returned} == {
        inspect.signature(blocking).return_annotation
    }
    assert inspect.iscoroutinefunction(awaiting) or inspect.isasyncgenfunction(awaiting)


def test_the_classes_say_the_same() -> None:
    assert Client.__doc__ is not None
    assert AsyncClient.__doc__ == Client.__doc__.replace("supabase.Client", "supabase.AsyncClient")


def test_every_public_name_is_there() -> None:
    for name in ephraim_db.__all__:
        assert getattr(ephraim_db, name) is not None
    assert dir(ephraim_db) == sorted(ephraim_db.__all__)
    with pytest.raises(AttributeError, match="nonsense"):
        _ = ephraim_db.nonsense


def test_star_import_brings_the_public_names() -> None:
    program = "from ephraim_db import *; print(Client, AsyncClient, CLEAR)"
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)


def test_a_client_of_the_other_kind_is_refused_at_once() -> None:
    url, key = "http://127.0.0.1:9", "a.b.c"
    with pytest.raises(TypeError, match=r"Client wraps a supabase\.Client"):
        Client(supabase.AsyncClient(url, key))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"AsyncClient wraps a supabase\.AsyncClient"):
        AsyncClient(supabase.Client(url, key))  # type: ignore[arg-type]
