"""How long the settings page takes, beside a bare Starlette page."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from bench.results import Goal, Measured, Size
from ephraim_db.local.tokens import access_token
from ephraim_db.web import SharedSecret, create_app

PROJECT = Path(__file__).parents[1]
ADMIN = "a0000000-0000-4000-8000-000000000101"
OWN = "settings page: of our own"

ABOUT = """## The settings page

The local Supabase is a process of its own, so what this process spends on the processor is our own
time, and what is left of the wall clock is the database's and the way there. The other is a bare
Starlette page that answers with the same HTML. n is the pages.
"""

GOALS = (Goal(OWN, "ours", "most", 15.0),)


@contextmanager
def supabase() -> Iterator[dict[str, str]]:
    """Run a local Supabase beside this process; yield what it prints."""
    command = [sys.executable, "-c", "from ephraim_db.cli import main; main()", "start"]
    arguments = ["--project", str(PROJECT), "--postgres", "embedded", "--output", "json"]
    with subprocess.Popen(
        [*command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        lines: list[str] = []
        while not lines or lines[-1].strip() != "}":
            lines.append(process.stdout.readline())
        try:
            yield json.loads("".join(lines))
        finally:
            process.terminate()


async def ask(app: ASGIApp, path: str, headers: dict[str, str], pages: int) -> tuple[float, float]:
    """Return the median of the wall clock and the mean of the processor, in ms a page."""
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        for _ in range(20):
            assert (await http.get(path, headers=headers)).status_code == 200
        walls, processor = [], time.process_time()
        for _ in range(pages):
            began = time.perf_counter()
            await http.get(path, headers=headers)
            walls.append(time.perf_counter() - began)
        return median(walls) * 1000, (time.process_time() - processor) / pages * 1000


async def race(found: dict[str, str], pages: int) -> tuple[float, float, float, float]:
    """Ask for both pages; return wall clock and processor of ours, and of the bare one, in ms."""
    app = create_app(
        found["API_URL"],
        found["ANON_KEY"],
        origin="http://127.0.0.1",
        form_key=b"k" * 32,
        keys=SharedSecret(found["JWT_SECRET"]),
        issuer="supabase-demo",
    )
    token = access_token(found["JWT_SECRET"], ADMIN, "authenticated", {})
    headers = {"Authorization": f"Bearer {token}"}
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
            html = (await http.get("/settings/integrations", headers=headers)).text

        async def page(_: Request) -> Response:
            return HTMLResponse(html)

        bare = Starlette(routes=[Route("/", page)])
        ours, own = await ask(app, "/settings/integrations", headers, pages)
        theirs, bare_own = await ask(bare, "/", headers, pages)
    return ours, own, theirs, bare_own


def measure(size: Size) -> Iterator[Measured]:
    """Yield what a page takes, by the clock and of our own."""
    pages = 20 if size == "small" else 300
    with supabase() as found:
        ours, own, theirs, bare_own = asyncio.run(race(found, pages))
    yield Measured("settings page: p50 by the clock", ours, theirs, "ms", pages)
    yield Measured(OWN, own, bare_own, "ms", pages)
    yield Measured("settings page: database and the way there", ours - own, None, "ms", pages)
