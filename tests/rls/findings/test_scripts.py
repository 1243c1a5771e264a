"""Every script that a finding comes with shows it again, in a database that has no rows at all."""

from __future__ import annotations

from tests.rls.findings.conftest import Find
from tests.rls.findings.messy import MESSY


def test_every_script_brings_the_rows_it_needs(find: Find) -> None:
    found = find(MESSY)  # runs each of them with psql, and sees it show what it claims
    assert len({finding.rule for finding in found}) > 11
    assert len(found) > 25
