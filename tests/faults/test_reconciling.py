"""`reconcile` may be killed anywhere and run again: the log ends as if it had not been."""

from __future__ import annotations

import pytest
from tests.faults import stories
from tests.faults.boundaries import CUTS, KILLS, Fault
from tests.faults.conftest import Clones
from tests.faults.sweeping import play, sweep
from tests.faults.texting import SETTLED, assert_only_added, heard, open_messages

from ephraim_db.postgres import Server
from ephraim_db.sms import Reconciled

HEARD = {**dict.fromkeys(SETTLED, 1), "number 3": 2}  # of which Twilio had answered


@pytest.mark.parametrize("fault", [*KILLS, *CUTS])
def test_what_was_settled_half_way_is_settled_once_and_the_rest_follows(
    fault: Fault, clones: Clones, server: Server, sender_login: str
) -> None:
    scenes = open_messages(clones, server, sender_login)
    for stopped, _, ending in sweep(stories.reconcile, scenes, fault):
        assert "try again" in ending.refusal or not ending.refusal
        before = stopped.events()
        stopped.reconcile()
        assert {row["message_body"]: row["status"] for row in stopped.owner.log()} == SETTLED
        assert heard(stopped) == HEARD
        assert_only_added(before, stopped.events())
        again = play(stories.reconcile, stopped)
        assert again.result == Reconciled()
        assert heard(stopped) == HEARD
