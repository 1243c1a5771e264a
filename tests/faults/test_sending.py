"""Whenever a sender dies or loses its database or Twilio, nothing is sent twice and nothing lost.

Whoever was interrupted sends the same again under the same keys, and `reconcile` settles the rest.
"""

from __future__ import annotations

import pytest
from tests.faults import stories
from tests.faults.boundaries import CUTS, KILLS, Fault
from tests.faults.conftest import Clones
from tests.faults.processes import Story
from tests.faults.sweeping import play, sweep
from tests.faults.texting import Texting, assert_honest, assert_only_added, sending

from ephraim_db.postgres import Server

TWO = ["one", "two"]
MANY = [f"number {n}" for n in range(24)]


def recover(stopped: Texting, story: Story, bodies: list[str]) -> None:
    stopped.wait_until_delivered()
    before = stopped.events()
    again = play(story, stopped)
    assert not again.refusal + again.crash
    stopped.reconcile()
    assert_honest(stopped, bodies)
    assert_only_added(before, stopped.events())


@pytest.mark.parametrize("fault", [*KILLS, *CUTS])
def test_a_message_is_sent_once_or_the_log_says_that_it_was_not(
    fault: Fault, clones: Clones, server: Server, sender_login: str
) -> None:
    scenes = sending(clones, server, sender_login, TWO)
    for stopped, _, ending in sweep(stories.send, scenes, fault):
        assert "try again" in ending.refusal or not ending.refusal
        recover(stopped, stories.send, TWO)


@pytest.mark.parametrize("fault", [*KILLS, Fault.CUT_UNANSWERED])
@pytest.mark.parametrize("story", [stories.send_many, stories.send_many_async])
def test_of_many_messages_in_flight_none_is_doubled_and_none_is_lost(
    story: Story, fault: Fault, clones: Clones, server: Server, sender_login: str
) -> None:
    scenes = sending(clones, server, sender_login, MANY)
    for stopped, _, _ in sweep(story, scenes, fault, part=0.6):
        recover(stopped, story, MANY)
