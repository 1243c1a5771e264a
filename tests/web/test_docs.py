"""What docs/settings-page.md shows is there and works."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from typing import Any

import httpx
from starlette.applications import Starlette
from tests.conftest import PROJECT

PAGE = (PROJECT / "docs" / "settings-page.md").read_text(encoding="utf-8")


def test_the_mounting_example_answers() -> None:
    example = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert example
    namespace: dict[str, Any] = {"load_form_key": lambda: b"k" * 32, "sender": None, "xero": None}
    exec(example[1], namespace)
    app = namespace["app"]
    assert isinstance(app, Starlette)

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="https://app.example.com") as http,
        ):
            return await http.get("/settings/integrations")

    answer = asyncio.run(ask())
    assert answer.status_code == 401
    assert 'href="/sign-in"' in answer.text
    assert "strict-transport-security" in answer.headers


def test_every_picture_is_there_small_and_shown() -> None:
    shown = set(re.findall(r'(?:src|srcset)="screenshots/([^"]+)"', PAGE))
    pictures = {path.name: path.stat().st_size for path in PROJECT.glob("docs/screenshots/*.png")}
    assert set(pictures) == shown
    assert max(pictures.values()) < 60_000


def test_the_page_alone_needs_neither_twilio_nor_xero_nor_postgres() -> None:
    program = "import ephraim_db.web, sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    assert "jinja2" in loaded
    assert loaded.isdisjoint({"twilio", "authlib", "psycopg", "phonenumbers"})
