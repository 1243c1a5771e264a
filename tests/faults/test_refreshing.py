"""A refresh may stop anywhere: the connection goes on, or says that an admin has to connect again.

Xero takes the former refresh token again for 30 minutes, while its successor has not been used. So
an answer that was lost is asked for again; only if nobody asks for that long is the connection
over, which the database then says and the settings page shows.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.faults import stories
from tests.faults.boundaries import CUTS, KILLS, Fault
from tests.faults.conftest import Clones
from tests.faults.connected import connected
from tests.faults.sweeping import sweep

from ephraim_db.postgres import Server


@pytest.mark.parametrize("fault", [*KILLS, *CUTS])
def test_within_the_grace_that_xero_gives_no_connection_is_lost(
    fault: Fault, clones: Clones, server: Server, sender_login: str
) -> None:
    scenes = connected(clones, server, sender_login)
    for stopped, _, ending in sweep(stories.refresh, scenes, fault):
        assert "try again" in ending.refusal or not ending.refusal
        stopped.let_pass(timedelta(minutes=29))
        assert stopped.token_works()
        assert stopped.state() == ("connected", 2)


@pytest.mark.parametrize("fault", KILLS)
def test_after_the_grace_a_lost_answer_is_told_and_an_admin_connects_again(
    fault: Fault, clones: Clones, server: Server, sender_login: str
) -> None:
    scenes = connected(clones, server, sender_login)
    for stopped, _, _ in sweep(stories.refresh, scenes, fault):
        _, generation = stopped.state()
        was_lost = generation == 1 and stopped.fake.calls["token"] == 2
        stopped.let_pass(timedelta(minutes=31))
        assert stopped.token_works() != was_lost
        if was_lost:
            assert stopped.state()[0] == "reauth_required"
            stopped.connect_again()
            assert stopped.token_works()
        assert stopped.state()[0] == "connected"
