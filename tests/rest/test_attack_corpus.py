"""Every request of the corpus is refused, changes nothing and tells nothing: attacks/*.toml."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import pytest
from tests.rest.attacks.canaries import STAMP, find_canaries
from tests.rest.attacks.corpus import Attack, read_corpus
from tests.rest.attacks.judging import Owner, everything, flaw_of, flaw_of_control
from tests.rest.attacks.sabotages import SABOTAGES
from tests.rest.conftest import Api
from tests.waiting import wait_until

ATTACKS = [attack for kind in read_corpus() for attack in kind.attacks]
Canaries = Callable[[str], frozenset[str]]


def stamp(api: Api) -> None:
    """Make every text of the database tell whose it is."""
    with api.as_owner() as owner:
        owner.execute(
            f"begin; set local session_replication_role = replica; {STAMP}; commit".encode()
        )


@pytest.fixture(scope="module")
def shared_api(shared_api: Api) -> Api:
    """Over a database in which every text tells whose it is."""
    stamp(shared_api)
    return shared_api


@pytest.fixture(scope="module")
def owner(shared_api: Api) -> Iterator[Owner]:
    with shared_api.as_owner() as connection:
        yield connection


@pytest.fixture(scope="module")
def canaries(owner: Owner) -> Canaries:
    kept: dict[str, frozenset[str]] = {}

    def of(persona: str) -> frozenset[str]:
        return kept.setdefault(persona, find_canaries(owner, persona))

    return of


@pytest.mark.parametrize("attack", ATTACKS, ids=str)
def test_an_attack_gets_nowhere(
    attack: Attack, shared_api: Api, owner: Owner, canaries: Canaries
) -> None:
    if flaw := flaw_of(attack, shared_api, owner, canaries(attack.request.persona)):
        pytest.fail(flaw, pytrace=False)


@pytest.mark.parametrize("attack", ATTACKS, ids=str)
def test_and_could_have(
    attack: Attack,
    shared_api: Api,
    owner: Owner,
    canaries: Canaries,
    seeded: Callable[[], None],
) -> None:
    before = everything(owner)
    flaw = flaw_of_control(attack, shared_api, canaries(attack.request.persona))
    changed = everything(owner) != before
    if changed:
        seeded()
    if flaw is None and not changed and attack.control.writes and len(attack.control.guesses) == 1:
        flaw = "the control changed nothing"
    if flaw:
        pytest.fail(flaw, pytrace=False)


def test_the_corpus_is_large_and_repeats_nothing() -> None:
    assert len({attack.wish for attack in ATTACKS}) == len(ATTACKS)
    assert len({str(attack.request) for attack in ATTACKS}) == len(ATTACKS) >= 200


@pytest.fixture
def sabotaged(fresh_api: Api) -> Iterator[Api]:
    """A database of its own; what is changed for the whole server is changed back."""
    stamp(fresh_api)
    yield fresh_api
    with fresh_api.as_owner() as owner:
        owner.execute("revoke ephraim_sender from authenticator")


@pytest.mark.parametrize("lock", SABOTAGES)
def test_a_lock_that_is_taken_off_lets_attacks_through(lock: str, sabotaged: Api) -> None:
    sabotage = SABOTAGES[lock]
    attacks = [attack for attack in ATTACKS if attack.wish in sabotage.wishes]
    assert len(attacks) == len(sabotage.wishes)
    with sabotaged.as_owner() as owner:
        canaries = [find_canaries(owner, attack.request.persona) for attack in attacks]
        for attack, unseen in zip(attacks, canaries, strict=True):
            assert flaw_of(attack, sabotaged, owner, unseen) is None
        owner.execute(sabotage.sql)
        for attack, unseen in zip(attacks, canaries, strict=True):
            # PostgREST reads its configuration anew.
            wait_until(partial(flaw_of, attack, sabotaged, owner, unseen), str(attack))


def test_every_kind_of_attack_could_get_somewhere() -> None:
    wishes = {wish for sabotage in SABOTAGES.values() for wish in sabotage.wishes}
    for kind in read_corpus():
        assert wishes & {attack.wish for attack in kind.attacks}, kind.title
