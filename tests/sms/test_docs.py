"""What docs/sms.md shows runs."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from tests.sms.conftest import Owner

from ephraim_db.fakes.twilio import FakeTwilio
from ephraim_db.sealing import PrivateKey
from ephraim_db.sms.twilio import Twilio

PAGE = Path(__file__).parents[2] / "docs" / "sms.md"
EXAMPLES = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.M | re.S)


def test_the_examples_run_in_their_order(
    sender_url: str,
    private_key: PrivateKey,
    acacia: UUID,
    twilio: FakeTwilio,
    owner: Owner,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    jwk = json.dumps({**private_key.public().jwk(), "d": private_key.d})
    monkeypatch.setenv("EPHRAIM_DB_KEYS", jwk)
    monkeypatch.setenv("SENDER_DATABASE_URL", sender_url)
    monkeypatch.setattr("ephraim_db.sms.sender.Twilio", lambda: Twilio(twilio.url))
    twilio.automatic = False
    assert len(EXAMPLES) == 3
    names: dict[str, Any] = {}
    for example in EXAMPLES:
        exec(compile(example, str(PAGE), "exec"), names)
    assert capsys.readouterr().out.count("queued") == 4
    assert len(twilio.messages) == 4
    assert names["app"].routes
