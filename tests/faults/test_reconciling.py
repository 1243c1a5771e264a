"""`reconcile` may be killed anywhere and run again: the log ends as if it had not been."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
from tests.faults import stories
from tests.faults.boundaries import CUTS, KILLS, Fault
from tests.faults.conftest import Clones
from tests.faults.sweeping import play, sweep
from tests.faults.texting import NOW, Texting, assert_only_added, heard, lose, prepare, texting
from tests.sms.conftest import Owner

from ephraim_db.postgres import Server
from ephraim_db.sealing import PrivateKey
from ephraim_db.sms import Reconciled

Scenes = Callable[[], AbstractContextManager[Texting]]
SETTLED = {
    "number 0": "failed",
    "number 1": "delivered",
    "number 2": "delivered",
    "number 3": "delivered",
}
HEARD = dict.fromkeys(SETTLED, 1)


@pytest.fixture
def scenes(clones: Clones, server: Server, sender_login: str) -> Scenes:
    """A log with messages nobody heard of again: one Twilio never took, and three it did."""

    @contextmanager
    def scene() -> Iterator[Texting]:
        key = PrivateKey.generate()
        with clones() as database:
            owner = Owner(server.url(database.name))
            prepare(owner, key)
            taken = lose(owner)
            url = server.url(database.name, sender_login)
            with texting(database, url, lambda url, http: (url, http, key.d, NOW), key) as made:
                made.messages.extend(taken)
                yield made

    return scene


@pytest.mark.parametrize("fault", [*KILLS, *CUTS])
def test_what_was_settled_half_way_is_settled_once_and_the_rest_follows(
    fault: Fault, scenes: Scenes
) -> None:
    for stopped, _, ending in sweep(stories.reconcile, scenes, fault, sample=3):
        assert "try again" in ending.refusal or not ending.refusal
        before = stopped.events()
        stopped.reconcile()
        assert {row["message_body"]: row["status"] for row in stopped.owner.log()} == SETTLED
        assert heard(stopped) == HEARD
        assert_only_added(before, stopped.events())
        again = play(stories.reconcile, stopped)
        assert again.result == Reconciled()
        assert heard(stopped) == HEARD
