"""The Python example of README.md runs as it stands, as an admin and as a worker."""

import re

import pytest
from tests.conftest import PROJECT
from tests.rest.conftest import Api, publish

PAGE = (PROJECT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("persona", "says"),
    [
        ("admin", "Acacia Care has a token: True\n"),
        ("worker", "Acacia Care did not change: The database lets only admins"),
    ],
)
def test_the_example_runs(
    persona: str,
    says: str,
    api: Api,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    publish(api)
    monkeypatch.setenv("API_URL", api.local.api_url)
    monkeypatch.setenv("ANON_KEY", api.local.anon_key)
    monkeypatch.setenv("ACCESS_TOKEN", api.token(persona))
    (example,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    exec(compile(example, "README.md", "exec"), {})
    said = capsys.readouterr().out
    assert said.startswith(says)
    assert "Invalid 'To' phone number" in said
