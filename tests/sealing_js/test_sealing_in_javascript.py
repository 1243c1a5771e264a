"""What JavaScript seals opens in Python, and the reverse; the JavaScript is the documentation's."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from ephraim_db.sealing import Envelope, Keyring, Place, PrivateKey, open_envelope, seal

ROOT = Path(__file__).parents[2]
DOCUMENTED = (ROOT / "docs" / "sealing.md").read_text("utf-8")

KEY = PrivateKey.generate()
PLACE = Place(UUID("a0000000-0000-4000-8000-000000000001"), "twilio", "twilio_auth_token")
SECRETS = [
    "canary-9f8e7d6c",
    " x\x80\x00",
    "Zoë 🙂 ключ",
    *("x" * length for length in (1, 254, 255, 256, 257, 511, 512, 16_384)),
]

Answer = dict[str, Any]
Javascript = Callable[..., Answer]


def block(language: str) -> str:
    blocks: list[str] = re.findall(rf"```{language}\n(.*?)```", DOCUMENTED, re.DOTALL)
    assert len(blocks) == 1
    return blocks[0]


@pytest.fixture(scope="module")
def javascript(tmp_path_factory: pytest.TempPathFactory) -> Javascript:
    """Run Node on the documented code."""
    folder = tmp_path_factory.mktemp("javascript")
    (folder / "node_modules").symlink_to(ROOT / "node_modules")
    (folder / "documented.mjs").write_text(block("javascript"), "utf-8")
    shutil.copy(ROOT / "tests" / "sealing_js" / "open.mjs", folder)
    node = Path(sysconfig.get_path("scripts")) / "node"

    def run(*, to_seal: list[str] | None = None, to_open: list[str] | None = None) -> Answer:
        place = {
            "organizationId": str(PLACE.organization_id),
            "provider": PLACE.provider,
            "field": PLACE.field,
        }
        asked = {
            "toSeal": to_seal or [],
            "toOpen": to_open or [],
            "place": place,
            "jwk": KEY.jwk(),
        }
        done = subprocess.run(
            [node, folder / "open.mjs"],
            input=json.dumps(asked),
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        answer: Answer = json.loads(done.stdout)
        return answer

    return run


def test_what_javascript_seals_opens_in_python(javascript: Javascript) -> None:
    envelopes = javascript(to_seal=SECRETS)["sealed"]
    assert [open_envelope(one, PLACE, Keyring([KEY])) for one in envelopes] == SECRETS


def test_what_javascript_seals_is_as_long_as_what_python_seals(javascript: Javascript) -> None:
    envelopes = javascript(to_seal=SECRETS)["sealed"]
    ours = [seal(secret, PLACE, KEY.public()) for secret in SECRETS]
    assert list(map(len, envelopes)) == list(map(len, ours))


def test_what_python_seals_opens_in_javascript(javascript: Javascript) -> None:
    envelopes = [seal(secret, PLACE, KEY.public()) for secret in SECRETS]
    assert javascript(to_open=envelopes)["opened"] == SECRETS


def test_javascript_opens_nothing_that_was_moved_or_forged(javascript: Javascript) -> None:
    elsewhere = Place(PLACE.organization_id, "xero", "xero_token_set")
    whole = Envelope.parse(seal("canary", PLACE, KEY.public()))
    envelopes = [
        seal("canary", elsewhere, KEY.public()),
        str(Envelope(whole.kid, whole.sealed[:-1])),
        str(Envelope(whole.kid, bytes(304))),
    ]
    opened = javascript(to_open=envelopes)["opened"]
    assert all(set(one) == {"error"} for one in opened)


def test_the_documented_python_runs() -> None:
    exec(compile(block("python"), "docs/sealing.md", "exec"), {})
