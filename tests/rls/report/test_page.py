"""The HTML page needs nothing but itself, and says in words what it says in colours."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.web.conftest import Tabs, tab_of
from tests.web.test_accessibility import violations

from ephraim_db.rls import Matrix, Persona
from ephraim_db.rls.matrix import Cell, Subject
from ephraim_db.rls.report import FORMS, Report


@pytest.fixture
def file(report: Report, tmp_path: Path) -> Path:
    path = tmp_path / "matrix.html"
    path.write_text(FORMS["html"](report))
    return path


Opened = Callable[..., Page]


@pytest.fixture
def opened(browser: Browser, tabs: Tabs) -> Opened:
    """Opens a file, in a tab that has no network and lets nothing pass that went wrong."""

    def opened(
        file: Path,
        *,
        width: int = 1440,
        javascript: bool = True,
        scheme: Literal["light", "dark"] = "light",
    ) -> Page:
        is_new = javascript not in tabs
        page = tab_of(browser, tabs, javascript=javascript, offline=True)
        if is_new:
            page.on("console", lambda message: pytest.fail(f"the page complained: {message.text}"))
            page.on("pageerror", lambda error: pytest.fail(f"the script failed: {error}"))
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        page.goto(file.as_uri())
        return page

    return opened


def test_the_page_names_no_other_place(report: Report) -> None:
    html = FORMS["html"](report)
    assert not re.search(r"https?://|@import|url\(|\bsrc=|<link|<iframe", html)
    assert "default-src &#39;none&#39;" in html


def test_findings_and_differences_are_marked_where_they_are(opened: Opened, file: Path) -> None:
    page = opened(file)
    block = page.locator('tbody[data-name="public.notes"]')
    read = block.locator("tr", has=page.locator('th.verb:text-is("read")'))
    square = read.locator('td[data-persona="ann"]')
    assert square.locator(".s").first.inner_text().startswith("all")
    assert square.locator("a.flag.error").inner_text() == "!"
    assert square.locator("a.flag.delta").inner_text() == "\u0394"
    assert "ann may now read notes.title of all rows" in page.locator("#differences").inner_text()


def test_every_colour_has_a_word(opened: Opened, file: Path) -> None:
    page = opened(file)
    assert all(text.strip() for text in page.locator(".grid .s").all_inner_texts())


def test_the_filter_leaves_what_it_is_asked_for(opened: Opened, file: Path) -> None:
    page = opened(file)
    page.get_by_label("Find").fill("empt")
    assert page.locator("tbody:visible").count() == 1
    page.get_by_label("Find").fill("nothing like it")
    assert page.get_by_text("Nothing here is called that").is_visible()
    page.get_by_label("Find").fill("")
    page.get_by_role("combobox", name="As").select_option("visitor")
    heads = page.locator("thead th[data-persona]:visible")
    assert heads.count() == 1
    page.get_by_role("combobox", name="As").select_option("")
    page.get_by_label("only marked").check()
    names = page.locator("tbody:visible").evaluate_all("all => all.map(one => one.dataset.name)")
    assert "public.notes" in names
    assert "public.empty" not in names


def test_without_javascript_everything_is_there_but_the_filter(
    opened: Opened, file: Path, report: Report
) -> None:
    page = opened(file, javascript=False)
    assert page.locator(".filter").is_hidden()
    assert page.locator("tbody:visible").count() == len(report.matrix.relations)
    page.get_by_text("SQL that shows it").first.click()
    expect(page.locator("pre").first).to_be_visible()


def test_a_relation_leads_to_its_columns(opened: Opened, file: Path) -> None:
    page = opened(file)
    page.locator('tbody[data-name="public.notes"] .name a').click()
    assert page.locator("details.columns[open]").inner_text().startswith("public.notes")


@pytest.mark.parametrize("width", [360, 1440])
@pytest.mark.parametrize(("personas", "relations"), [(3, 3), (13, 12), (8, 300)])
def test_the_page_never_scrolls_sideways(
    opened: Opened, report: Report, tmp_path: Path, width: int, personas: int, relations: int
) -> None:
    file = tmp_path / "large.html"
    file.write_text(FORMS["html"](replace(report, matrix=large(personas, relations))))
    page = opened(file, width=width)
    assert page.evaluate("document.documentElement.scrollWidth") == width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nobody_is_shut_out(
    opened: Opened,
    report: Report,
    file: Path,
    scheme: Literal["light", "dark"],
) -> None:
    partly = Cell("visitor", "public.notes", "INSERT", "refused_by_policy", "none", ("id",))
    matrix = replace(report.matrix, cells=(*report.matrix.cells, partly))
    file.write_text(FORMS["html"](replace(report, matrix=matrix)))
    assert violations(opened(file, scheme=scheme)) == []


def test_the_head_names_the_worst_of_each_relation_once(
    opened: Opened, report: Report, tmp_path: Path
) -> None:
    first = report.findings[0]
    more = [replace(first, message=f"{first.persona} does more, {n}") for n in range(3)]
    elsewhere = replace(first, relation="public.other", message="elsewhere")
    found = (first, *more, elsewhere, *report.findings[1:])
    file = tmp_path / "worst.html"
    file.write_text(FORMS["html"](replace(report, findings=found)))
    page = opened(file)
    told = page.locator(".worst a")
    assert first.message in told.nth(0).inner_text()
    assert "elsewhere" in told.nth(1).inner_text()
    told.nth(1).click()
    assert "elsewhere" in page.locator("article:target h3").inner_text()


def test_what_is_unproven_is_filtered_as_well(opened: Opened, file: Path) -> None:
    page = opened(file)
    assert page.locator(".doubts li:visible").count() > 0
    page.get_by_placeholder("table or word").fill("public.empty")
    told = page.locator(".doubts li:visible").all_inner_texts()
    assert told
    assert all("public.empty" in one for one in told)


def test_the_page_prints_whole(opened: Opened, file: Path) -> None:
    page = opened(file)
    page.emulate_media(media="print")
    assert page.locator(".filter").is_hidden()
    assert page.locator(".scroll").evaluate("one => getComputedStyle(one).overflow") == "visible"
    assert page.pdf().startswith(b"%PDF")


def test_markup_in_a_name_is_text(opened: Opened, report: Report, tmp_path: Path) -> None:
    name = '<img src=x onerror="document.title=1">'
    matrix = replace(
        report.matrix,
        personas=(Persona(name, "anon"),),
        relations=(Subject(f"public.{name}", "table", ("id",), 1),),
        cells=(Cell(name, f"public.{name}", "SELECT", "allowed", "all", ("id",), None, name),),
    )
    file = tmp_path / "odd.html"
    file.write_text(FORMS["html"](replace(report, matrix=matrix)))
    page = opened(file)
    assert page.locator("img").count() == 0
    assert name in page.locator("thead").inner_text().replace("\n", "")


def large(personas: int, relations: int) -> Matrix:
    """Return a matrix in which the columns and names are of many widths."""
    people = tuple(
        Persona(f"{'other_' * (n % 3)}persona_{n}", "authenticated") for n in range(personas)
    )
    subjects = tuple(
        Subject(f"public.{'a_long_name_' * (n % 4)}{n}", "table", ("id", "title"), n)
        for n in range(relations)
    )
    cells = tuple(
        Cell(person.name, subject.name, command, "allowed", "organization", ("id",))
        for person in people
        for subject in subjects
        for command in ("SELECT", "INSERT", "UPDATE")
    )
    return Matrix(people, subjects, cells, ())
