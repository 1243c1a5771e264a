"""Empty tables of other people, filled as a run fills them, and looked at before it rolls back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from tests.rls.conftest import PEOPLE

from ephraim_db.rls import Personas
from ephraim_db.rls.filling import Filled
from ephraim_db.rls.observing import observing

Fill = Callable[..., tuple[list[tuple[Any, ...]], Filled]]


@pytest.fixture
def fill(url: str) -> Fill:
    """Apply SQL to a fresh database, fill it, and return what a query finds, and what was made."""

    def fill(
        *sql: str, asking: str, personas: Personas = PEOPLE
    ) -> tuple[list[tuple[Any, ...]], Filled]:
        with psycopg.connect(url, autocommit=True) as connection:
            for script in sql:
                connection.execute(script.encode())
            with observing(connection, personas, filling=True) as observation:
                found = observation.connection.execute(asking.encode()).fetchall()
                return found, observation.filled

    return fill
