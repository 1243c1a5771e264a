"""Clones for each fault of a sweep."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from ephraim_db.postgres import Server
from ephraim_db.project import Database
from ephraim_db.testing.databases import Cloner

Clones = Callable[[], AbstractContextManager[Database]]


@pytest.fixture
def empty_clones(platform_cloner: Cloner) -> Clones:
    """Fresh Supabase projects without a migration, one after the other."""
    return platform_cloner.cloned


@pytest.fixture
def clones(server: Server, project_template: str) -> Iterator[Clones]:
    """Fresh clones of our project's database, one after the other."""
    with Cloner(server, project_template) as cloner:
        yield cloner.cloned


@pytest.fixture
def sender_login(sender_url: str) -> str:
    """The name of a login that is a member of ephraim_sender, in every database."""
    return "sender_login"
