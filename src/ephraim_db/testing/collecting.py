"""supabase/rls.contract as something pytest collects: one test, which compares it with what is so.

--rls-contract --adds the path--> pytest's arguments --> ContractFile --> rls.contract::contract
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ephraim_db.errors import InvalidProject
from ephraim_db.testing.configuring import read_configuration

if TYPE_CHECKING:
    from ephraim_db.testing.rls import Rls


def collect_contract(config: pytest.Config) -> None:
    """Add the contract to what is collected. Raises pytest.UsageError if there is none."""
    try:
        path = read_configuration(config.rootpath).contract
    except InvalidProject as error:
        raise pytest.UsageError(str(error)) from error
    if not path.exists():
        raise pytest.UsageError(
            f"--rls-contract: there is no {path} yet; `ephraim-db rls accept` writes it"
        )
    here = config.invocation_params.dir
    named = [here / argument.partition("::")[0] for argument in config.args]
    # Older pytest loses tests where one argument lies within another.
    if not any(path.resolve().is_relative_to(one.resolve()) for one in named):
        config.args.append(os.path.relpath(path, here))


def is_wanted(path: Path, parent: pytest.Collector) -> bool:
    """Return whether a contract was named: by its path, or, where that is in a folder named, too,
    by --rls-contract.
    """
    if parent.session.isinitpath(path):
        return True
    if not parent.config.getoption("rls_contract"):
        return False
    return path.samefile(read_configuration(parent.config.rootpath).contract)


class ContractFile(pytest.File):
    """An rls.contract."""

    def collect(self) -> Iterator[pytest.Item]:
        """Yield the one test."""
        yield ContractItem.from_parent(self, name="contract", callobj=_check(self.path))


class ContractItem(pytest.Function):
    """The test that everything is as agreed."""

    def reportinfo(self) -> tuple[Path, int, str]:
        """Say where it is."""
        return self.path, 0, self.name


def _check(path: Path) -> object:
    def agreed(rls: Rls) -> None:
        from ephraim_db.testing.contract import differences

        told = differences(rls, path)
        if told:
            pytest.fail(told, pytrace=False)

    return agreed
