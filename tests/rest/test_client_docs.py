"""The examples in docs/client.md run as they stand, and its tables leave nothing out."""

import inspect
import re

import pytest
from tests.conftest import PROJECT
from tests.rest.conftest import Api, publish

from ephraim_db import Client, errors

PAGE = (PROJECT / "docs" / "client.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def test_the_examples_run(
    api: Api, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    publish(api)
    monkeypatch.setenv("API_URL", api.local.api_url)
    monkeypatch.setenv("ANON_KEY", api.local.anon_key)
    monkeypatch.setenv("ACCESS_TOKEN", api.token("admin"))
    names: dict[str, object] = {}
    assert len(EXAMPLES) >= 6
    try:
        for example in EXAMPLES:
            exec(compile(example, "docs/client.md", "exec"), names)
    finally:
        names["connections"].close()  # type: ignore[attr-defined]
    said = capsys.readouterr().out
    assert "Acacia Care True True\nconfigured\n" in said
    assert "failed 21211 Invalid 'To' phone number" in said


def test_the_table_of_errors_leaves_none_out() -> None:
    told = set(re.findall(r"^\| `(\w+)` \|", PAGE.partition("## Errors")[2], re.MULTILINE))
    of_services = {"NotTheSender"}
    raised = {
        name
        for name, member in vars(errors).items()
        if inspect.isclass(member) and issubclass(member, errors.SupabaseError)
    }
    assert raised - {"SupabaseError"} - of_services <= told
    assert {name for name in told if not hasattr(errors, name)} == set()


def test_every_method_that_the_page_names_is_there() -> None:
    for name in re.findall(r"client\.(\w+)\(", PAGE):
        assert hasattr(Client, name), name
