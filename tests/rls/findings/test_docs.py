"""Every rule is explained, and every example of docs/findings.md is what the page says it is."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest
from tests.rls.conftest import CYD
from tests.rls.findings.conftest import EVERYONE, PLAIN, Find

from ephraim_db.rls import Persona, Personas
from ephraim_db.rls.findings import STALE, slow_policies
from ephraim_db.rls.findings.rules import RULES

PAGE = (Path(__file__).parents[3] / "docs" / "findings.md").read_text(encoding="utf-8")
SECTIONS = dict(
    re.findall(r"^## `([a-z-]+)`\n(.*?)(?=^#{1,2} |\Z)", PAGE, re.MULTILINE | re.DOTALL)
)
EXAMPLES = {
    rule: re.findall(r"```sql(?: fix)?\n(.*?)```", text, re.DOTALL)
    for rule, text in SECTIONS.items()
    if rule not in (STALE, slow_policies.RULE)
}
PEOPLE = Personas(
    EVERYONE.schemas,
    EVERYONE.boundary,
    (
        *EVERYONE.everyone,
        Persona("guest", "authenticated", CYD, claims={"is_anonymous": True}),
    ),
)


def test_every_rule_has_its_section() -> None:
    modules = [importlib.import_module(rule.__module__) for rule in RULES] + [slow_policies]
    names = {
        value
        for module in modules
        for name, value in vars(module).items()
        if name in ("RULE", "READS", "WRITES_RULE") and isinstance(value, str)
    }
    assert {*names, STALE} == set(SECTIONS)


def test_the_schema_of_the_page_is_the_one_the_examples_run_on() -> None:
    (shown,) = re.findall(r"## The examples.*?```sql\n(.*?)```", PAGE, re.DOTALL)
    statements = {" ".join(one.split()) for one in shown.split(";")}
    assert statements <= {" ".join(one.split()) for one in PLAIN.split(";")}


@pytest.mark.parametrize("rule", EXAMPLES)
def test_an_example_is_found_and_its_fix_makes_it_go(find: Find, rule: str) -> None:
    example, fix = EXAMPLES[rule]
    assert rule in {finding.rule for finding in find(PLAIN, example, personas=PEOPLE)}
    assert rule not in {finding.rule for finding in find(fix, personas=PEOPLE)}
