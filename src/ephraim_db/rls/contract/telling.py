"""Differences told as sentences, what is worse first: access gained, then lost, then the rest.

agreed, observed --renames--> compare --> grouped over columns and personas --wording--> Told
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum

from ephraim_db.rls.contract.comparing import Difference, compare
from ephraim_db.rls.contract.facts import Access, Actor, Doubt, Facts, Thing
from ephraim_db.rls.contract.renames import Rename, follow_renames
from ephraim_db.rls.contract.wording import (
    REACH,
    word_access,
    word_actor,
    word_doubt,
    word_rename,
    word_thing,
)


class Change(IntEnum):
    """What a difference does to what can be done, the worst first."""

    WIDER = 0
    UNKNOWN = 1
    NARROWER = 2
    OTHER = 3


@dataclass(frozen=True, slots=True)
class Told:
    """One sentence, and the differences it tells; `relation` is empty if it is about a persona.

    Where only a name changed, there are no differences: the facts are the same.
    """

    message: str
    change: Change
    relation: str
    columns: tuple[str, ...]
    personas: tuple[str, ...]
    differences: tuple[Difference, ...]


def tell_differences(agreed: Facts, observed: Facts) -> tuple[Told, ...]:
    """Return what differs from what was agreed; nothing if it is the same."""
    if agreed == observed:
        return ()
    renames, renamed = follow_renames(agreed, observed)
    differences = compare(renamed, observed)
    gone = {one.before for one in differences if one.after is None}
    gone_personas = {fact.persona for fact in gone if isinstance(fact, Actor)}
    gone_relations = {fact.relation for fact in gone if isinstance(fact, Thing)}
    open_now = _undecided(observed)

    told = [_tell_rename(rename) for rename in renames]
    doubts: list[tuple[Doubt, Difference]] = []
    accesses: list[tuple[Access, Difference]] = []
    for one in differences:
        match one.fact:
            case Actor(persona, _):
                told.append(Told(word_actor(one), Change.OTHER, "", (), (persona,), (one,)))
            case Thing(relation, _):
                told.append(Told(word_thing(one), Change.OTHER, relation, (), (), (one,)))
            case fact if fact.persona in gone_personas or fact.relation in gone_relations:
                continue  # it is told that they are gone
            case Access() as access if one.after is None and _command(access) in open_now:
                continue  # it is told that this is unproven
            case Doubt() as doubt:
                doubts.append((doubt, one))
            case Access() as access:
                accesses.append((access, one))
    told += _tell_doubts(doubts)
    told += _tell_accesses(accesses)
    return tuple(sorted(told, key=lambda one: (one.change, one.relation, one.message)))


def _undecided(facts: Facts) -> set[tuple[str, str, str]]:
    """Return the commands of which nothing is known but that it is not."""
    doubted = {_command(fact) for fact in facts if isinstance(fact, Doubt)}
    return doubted - {_command(fact) for fact in facts if isinstance(fact, Access)}


def _command(fact: Access | Doubt) -> tuple[str, str, str]:
    return (fact.persona, fact.command, fact.relation)


def _tell_rename(rename: Rename) -> Told:
    columns = (rename.new,) if rename.what == "column" else ()
    relation = rename.new if rename.what == "relation" else rename.relation
    personas = (rename.new,) if rename.what == "persona" else ()
    return Told(word_rename(rename), Change.OTHER, relation, columns, personas, ())


def _tell_doubts(doubts: Iterable[tuple[Doubt, Difference]]) -> Iterator[Told]:
    """Tell together what differs only in personas."""
    together: dict[tuple[str, str, str, bool], list[tuple[Doubt, Difference]]] = {}
    for doubt, one in doubts:
        key = (doubt.relation, doubt.command, doubt.reason, one.after is not None)
        together.setdefault(key, []).append((doubt, one))
    for (relation, command, reason, is_new), ones in together.items():
        personas = tuple(doubt.persona for doubt, _ in ones)
        message = word_doubt(personas, command, relation, reason, is_new=is_new)
        change = Change.UNKNOWN if is_new else Change.OTHER
        yield Told(message, change, relation, (), personas, tuple(one for _, one in ones))


def _tell_accesses(accesses: Iterable[tuple[Access, Difference]]) -> Iterator[Told]:
    """Tell together what differs only in columns, and of that, what differs only in personas."""
    by_persona: dict[tuple[str, str, str, str, str], list[tuple[str, Difference]]] = {}
    for access, one in accesses:
        key = (access.persona, access.relation, access.command, _result(one.before))
        by_persona.setdefault((*key, _result(one.after)), []).append((access.column, one))
    together: dict[
        tuple[str, str, str, str, tuple[str, ...]], list[tuple[str, list[Difference]]]
    ] = {}
    for (persona, *alike), found in by_persona.items():
        relation, command, before, after = alike
        columns = tuple(column for column, _ in found if column)
        ones = [one for _, one in found]
        together.setdefault((relation, command, before, after, columns), []).append((persona, ones))
    for (relation, command, before, after, columns), by_name in together.items():
        personas = tuple(persona for persona, _ in by_name)
        message = word_access(personas, command, relation, columns, before, after)
        all_ones = tuple(one for _, ones in by_name for one in ones)
        yield Told(message, _change(before, after), relation, columns, personas, all_ones)


def _result(fact: object) -> str:
    return fact.result if isinstance(fact, Access) else ""


def _change(before: str, after: str) -> Change:
    if after == "unproven":
        return Change.UNKNOWN
    difference = REACH.get(after, 0) - REACH.get(before, 0)
    if difference:
        return Change.WIDER if difference > 0 else Change.NARROWER
    return Change.OTHER
