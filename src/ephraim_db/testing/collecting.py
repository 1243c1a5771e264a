"""supabase/rls.contract as something pytest collects: one test, which compares it with what is so.

--rls-contract --adds the path--> pytest's arguments --> ContractFile --> rls.contract::agreed
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ephraim_db.errors import InvalidContract
from ephraim_db.testing.configuring import read_configuration

if TYPE_CHECKING:
    from ephraim_db.testing.rls import Rls


def collect_contract(config: pytest.Config) -> None:
    """Add the contract to what is collected. Raises InvalidContract if there is none."""
    path = read_configuration(config.rootpath).contract
    if not path.exists():
        raise InvalidContract(
            path, 0, "there is no contract yet: `ephraim-db rls accept` writes it"
        )
    argument = os.path.relpath(path, config.invocation_params.dir)
    if argument not in config.args:
        config.args.append(argument)


class ContractFile(pytest.File):
    """An rls.contract."""

    def collect(self) -> Iterator[pytest.Item]:
        """Yield the one test."""
        yield ContractItem.from_parent(self, name="agreed", callobj=_check(self.path))


class ContractItem(pytest.Function):
    """The test that everything is as agreed."""

    def reportinfo(self) -> tuple[Path, int, str]:
        """Say where it is."""
        return self.path, 0, f"{self.path.name}::{self.name}"


def _check(path: Path) -> object:
    def agreed(rls: Rls) -> None:
        from ephraim_db.testing.contract import differences

        told = differences(rls, path)
        if told:
            pytest.fail(told, pytrace=False)

    return agreed
