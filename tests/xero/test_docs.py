"""The examples of docs/xero.md, run in their order against the fake Xero."""

from __future__ import annotations

import json
import re

import pytest
from tests.conftest import PROJECT

from ephraim_db.fakes.xero import FakeXero, Tenant
from ephraim_db.sealing import Keyring, PrivateKey
from ephraim_db.xero import App, Endpoints, Refusal, Xero
from ephraim_db.xero.errors import Reason

from .conftest import ACACIA, ADMIN, CLIENT_ID, CLIENT_SECRET, Owner, organization

PAGE = (PROJECT / "docs" / "xero.md").read_text("utf-8")
CALLBACK = "https://app.example/xero/callback"


def test_the_examples_run(
    sender_url: str,
    key: PrivateKey,
    keyring: Keyring,
    fake: FakeXero,
    tenant: Tenant,
    owner: Owner,
    acacia: object,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATABASE_URL", sender_url)
    monkeypatch.setenv("EPHRAIM_DB_KEYS", json.dumps(key.jwk()))
    fake.add_app(CLIENT_ID, CLIENT_SECRET, [CALLBACK])
    app = App(CALLBACK, endpoints=Endpoints.at(fake.url))
    blocks = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    set_up, connect, use, disconnect, pretend = blocks
    names: dict[str, object] = {}
    exec(set_up, names)
    names["app"] = app
    names["xero"] = Xero(sender_url, keyring, app)
    session = "the random id in the browser session's cookie"
    with Xero(sender_url, keyring, app) as xero:
        url = xero.authorization_url(ACACIA, ADMIN, session=session)
    names["returned_to"] = fake.approve(url, tenants=[tenant, fake.add_tenant("Acacia Trust")])
    exec(connect, names)
    assert organization(owner)["xero_tenant_id"] == str(names["tenant_id"])
    exec(use, names)
    headers = names["headers"]
    assert isinstance(headers, dict)
    assert headers["Xero-Tenant-Id"] == str(names["tenant_id"])
    exec(disconnect, names)
    assert names["left"] == 0
    exec(pretend, names)


@pytest.mark.parametrize("word", [*Refusal, *Reason])
def test_every_reason_is_explained(word: str) -> None:
    assert f"`{word}`" in PAGE
