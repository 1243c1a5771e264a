"""Every block of README.md and docs is run by a test, which this names, or is a picture."""

from __future__ import annotations

import pytest
from tests.docs.blocks import PAGES, ROOT, blocks_of

# Not to be run: drawings, output shown by itself, and what a file in a pull request looks like.
PICTURES = {"", "text", "diff"}

COMMANDS = "tests/docs/test_commands.py"
RUN_BY = {
    ("README.md", "console"): COMMANDS,
    ("README.md", "python"): "tests/rest/test_readme.py",
    ("CONTRIBUTING.md", "console"): COMMANDS,
    ("docs/README.md", "console"): COMMANDS,
    ("docs/README.md", "toml"): COMMANDS,
    ("docs/client.md", "python"): "tests/rest/test_client_docs.py",
    ("docs/decisions/planner-estimates.md", "sql"): "tests/database/test_attacks.py",
    ("docs/decisions/search-path.md", "sql"): "tests/database/test_attacks.py",
    ("docs/findings.md", "console"): COMMANDS,
    ("docs/findings.md", "sql"): "tests/rls/findings/test_docs.py",
    ("docs/findings.md", "toml"): COMMANDS,
    ("docs/hosted.md", "sql"): COMMANDS,
    ("docs/how-to-any-project.md", "console"): COMMANDS,
    ("docs/how-to-ci.md", "console"): COMMANDS,
    ("docs/how-to-ci.md", "yaml"): "tests/docs/test_ci.py",
    ("docs/how-to-schedule.md", "cron"): "tests/sms/test_docs_schedule.py",
    ("docs/how-to-schedule.md", "ini"): "tests/sms/test_docs_schedule.py",
    ("docs/how-to-schedule.md", "sh"): "tests/sms/test_docs_schedule.py",
    ("docs/key-rotation.md", "sh"): COMMANDS,
    ("docs/key-rotation.md", "sql"): COMMANDS,
    ("docs/local.md", "console"): COMMANDS,
    ("docs/local.md", "python"): "tests/rest/test_local_docs.py",
    ("docs/migrations.md", "console"): COMMANDS,
    ("docs/migrations.md", "python"): "tests/database/test_migrations_docs.py",
    ("docs/mutation.md", "console"): "tests/rls/mutants/test_docs.py",
    ("docs/mutation.md", "toml"): "tests/rls/mutants/test_docs.py",
    ("docs/pytest.md", "console"): "tests/plugin/test_docs.py",
    ("docs/pytest.md", "python"): "tests/plugin/test_docs.py",
    ("docs/pytest.md", "toml"): "tests/plugin/test_docs.py",
    ("docs/rls.md", "console"): COMMANDS,
    ("docs/rls.md", "toml"): COMMANDS,
    ("docs/scale.md", "sql"): "tests/database/test_partitioned_log.py",
    ("docs/sealing.md", "javascript"): "tests/sealing_js/test_sealing_in_javascript.py",
    ("docs/sealing.md", "python"): "tests/sealing_js/test_sealing_in_javascript.py",
    ("docs/settings-page.md", "python"): "tests/web/test_docs.py",
    ("docs/sms.md", "python"): "tests/sms/test_docs.py",
    ("docs/sms.md", "sh"): "tests/sms/test_docs_shell.py",
    ("docs/xero.md", "python"): "tests/xero/test_docs.py",
}
SHOWN = {
    (block.page, block.language): block
    for page in PAGES
    for block in blocks_of(page)
    if block.language not in PICTURES
}


@pytest.mark.parametrize("block", SHOWN.values(), ids=str)
def test_a_test_runs_it(block: object) -> None:
    page, language = next(key for key, shown in SHOWN.items() if shown is block)
    test = RUN_BY.get((page, language))
    assert test, f"nothing runs the {language} blocks of {page}: write a test, and name it here"
    source = (ROOT / test).read_text("utf-8")
    assert page.rpartition("/")[2] in source or page.startswith("docs/decisions/"), (
        f"{test} does not read {page}"
    )


def test_nothing_is_named_that_is_gone() -> None:
    assert set(RUN_BY) - set(SHOWN) == set()
