"""Pages lead to each other, and the index leads to all of them."""

from __future__ import annotations

import re

import pytest
from tests.docs.blocks import PAGES, ROOT

INDEX = "docs/README.md"


def slugs(page: str) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", (ROOT / page).read_text("utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def links_of(page: str) -> list[str]:
    text = re.sub(r"^```.*?^```$", "", (ROOT / page).read_text("utf-8"), flags=re.M | re.S)
    return [link for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: str) -> None:
    for link in links_of(page):
        path, _, title = link.partition("#")
        target = (ROOT / page).parent / path if path else ROOT / page
        assert target.exists(), f"{page} leads to {path}, which is not there"
        if title:
            assert title in slugs(target.resolve().relative_to(ROOT).as_posix()), link


def test_the_index_leads_to_every_page() -> None:
    led_to = {(ROOT / INDEX).parent.joinpath(link.partition("#")[0]) for link in links_of(INDEX)}
    pages = {ROOT / page for page in PAGES if page.startswith("docs/")} - {ROOT / INDEX}
    missing = {page.relative_to(ROOT).as_posix() for page in pages - led_to}
    assert missing == set(), "name them in docs/README.md"


@pytest.mark.parametrize("page", PAGES)
def test_no_page_was_left_half_written(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    assert not re.search(r"TODO|FIXME|XXX|@[A-Z]{3,}@|lorem", text)
