"""What a command does meanwhile is handed over, or told when it is asked for."""

from __future__ import annotations

import sys

import pytest

from ephraim_db.cli.meanwhile import import_meanwhile, meanwhile


def test_what_came_of_it_is_handed_over() -> None:
    assert meanwhile(lambda: 6 * 7).result(timeout=30) == 42


def test_what_went_wrong_is_told_to_who_asks() -> None:
    work = meanwhile(lambda: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        work.result(timeout=30)


def test_what_cannot_be_imported_is_told_only_where_it_is_needed() -> None:
    import_meanwhile("ephraim_db.nothing").result(timeout=30)


def test_what_is_imported_meanwhile_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "ephraim_db.toml", raising=False)
    import_meanwhile("ephraim_db.toml").result(timeout=30)
    assert "ephraim_db.toml" in sys.modules
