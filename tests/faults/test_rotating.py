"""A rotation may stop anywhere: every secret opens all the time, and running it again finishes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

import pytest
from tests.database.stored_secrets import Secrets, activate, connect, fill, kids, opened, status
from tests.faults import stories
from tests.faults.boundaries import CUTS, KILLS, Boundaries, Fault
from tests.faults.conftest import Clones
from tests.faults.sweeping import Scene, play, sweep

from ephraim_db.rotation import list_keys
from ephraim_db.sealing import Keyring, PrivateKey


@dataclass(frozen=True, slots=True)
class Sealed(Scene):
    """A database with secrets, all sealed to the `old` key."""

    old: PrivateKey
    new: PrivateKey
    secrets: Secrets

    def assert_safe(self) -> None:
        """Every secret opens for whoever holds both keys, and none is sealed to a retired one."""
        with connect(self.superuser) as connection:
            assert opened(connection, Keyring([self.old, self.new])) == self.secrets
            retired = {key.kid for key in list_keys(connection) if key.status == "retired"}
            assert not kids(connection) & retired

    def assert_done(self) -> None:
        """All is sealed to the new key alone, and the old one is retired."""
        with connect(self.superuser) as connection:
            assert opened(connection, Keyring([self.new])) == self.secrets
            assert [status(connection, key) for key in (self.old, self.new)] == [
                "retired",
                "active",
            ]


Scenes = Callable[[], AbstractContextManager[Sealed]]


@pytest.fixture
def scenes(clones: Clones) -> Scenes:
    @contextmanager
    def scene() -> Iterator[Sealed]:
        old, new = PrivateKey.generate(), PrivateKey.generate()
        held = "".join(json.dumps(key.jwk()) for key in (old, new))
        with clones() as database:
            with connect(database.url) as connection:
                activate(connection, old)
                secrets = fill(connection, old, 3)
            yield Sealed(database, database.url, lambda url, _: (url, held), "", old, new, secrets)

    return scene


def test_every_secret_opens_at_every_moment_and_no_key_retires_in_use(scenes: Scenes) -> None:
    with scenes() as scene:
        watched = Boundaries(watch=scene.assert_safe)
        ending = play(stories.rotate_in_batches, scene, watched)
        assert not ending.refusal + ending.crash
        assert len(watched.passed) > 40
        scene.assert_done()


@pytest.mark.parametrize("fault", KILLS)
def test_killed_anywhere_a_rotation_is_finished_by_running_it_again(
    fault: Fault, scenes: Scenes
) -> None:
    for stopped, _, _ in sweep(stories.rotate_in_batches, scenes, fault):
        stopped.assert_safe()
        again = play(stories.rotate_in_batches, stopped)
        assert not again.refusal + again.crash
        stopped.assert_done()


@pytest.mark.parametrize("fault", CUTS)
def test_cut_off_anywhere_a_rotation_says_to_run_it_again(fault: Fault, scenes: Scenes) -> None:
    for stopped, _, ending in sweep(stories.rotate_by_command, scenes, fault):
        assert "run the same again" in ending.refusal
        stopped.assert_safe()
        again = play(stories.rotate_by_command, stopped)
        assert not again.refusal + again.crash
        stopped.assert_done()
