"""Send probes to the database together, and sort the answers that come back.

acts (a persona's probes on one relation) --one round trip, see sending.py--> answers for each
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import psycopg

from ephraim_db.rls.catalog import read_sql
from ephraim_db.rls.overlapping import Work, finish
from ephraim_db.rls.personas import Persona
from ephraim_db.rls.probes import Answer, Probe
from ephraim_db.rls.sending import call_of

CANCELED = "57014"
Stuck = tuple[str, str]
"""A function that takes too long; or a role and a command, of one relation."""


@dataclass(frozen=True, slots=True)
class Act:
    """What a persona attempts, one after the other; `setup` is done before and undone after.

    `calls` is the function that all of it calls, if it does.
    """

    persona: Persona
    probes: Sequence[Probe]
    setup: str | None = None
    calls: str | None = None

    def stuck(self, probe: Probe) -> Stuck:
        """Return what is left alone once the probe took too long."""
        command = probe.questions[0].command.partition(" ")[0]
        return (self.calls, "") if self.calls else (self.persona.role, command)

    def left_out(self, probe: Probe, stuck: Collection[Stuck]) -> bool:
        """Return whether it would take too long as well: most commands read first."""
        mine = self.stuck(probe)
        reads = not self.calls and mine[1] != "INSERT"
        return mine in stuck or (reads and (mine[0], "SELECT") in stuck)

    def unanswered(self, stuck: Collection[Stuck]) -> Iterator[Answer]:
        """Yield the answers to what is left out."""
        for probe in self.probes:
            if self.left_out(probe, stuck):
                yield from _told(probe, CANCELED, None, None, False)

    def without(self, stuck: Collection[Stuck]) -> Act:
        """Return the act without what is left out."""
        return replace(self, probes=[p for p in self.probes if not self.left_out(p, stuck)])


def prepare(connection: psycopg.Connection[Any]) -> None:
    """Make the routine that probes, for this transaction."""
    connection.execute(read_sql("probe.sql"))


Answers = list[tuple[Answer, ...]]


def ask(connection: psycopg.Connection[Any], schema: str, acts: Iterable[Act]) -> Answers:
    """Return the answers to each act, as `asking` does, and wait for them."""
    return finish(connection, asking(schema, acts))


def asking(schema: str, acts: Iterable[Act], stuck: set[Stuck] | None = None) -> Work[Answers]:
    """Return the answers to each act; `schema` is looked in first for names that are bare.

    All acts share one `statement_timeout`. A probe that alone takes longer is answered with
    SQLSTATE 57014, and so are all like it that come later, untried: `stuck` keeps which those are.
    """
    stuck = set() if stuck is None else stuck
    left = list(acts)
    answers: list[list[Answer]] = [[] for _ in left]
    while True:
        if stuck:
            for at, act in enumerate(left):
                answers[at] += act.unanswered(stuck)
                left[at] = act.without(stuck)
        places = [at for at, act in enumerate(left) if act.probes]
        if not places:
            return [tuple(told) for told in answers]
        rows = yield call_of(schema, [left[at] for at in places])
        done = places[-1], len(left[places[-1]].probes)
        for count, (act, number, state, touched, numbers, constrained) in enumerate(rows):
            here, place = places[act - 1], number - 1
            if state == CANCELED and count:  # once more, with the time to itself
                done = here, max(place, 0)
                break
            if number:
                probe = left[here].probes[place]
                answers[here] += _told(probe, state, touched, numbers, constrained)
            if state == CANCELED:
                done = here, place + 1 if number else len(left[here].probes)
                stuck |= {left[here].stuck(probe)} if number else set()
        at, start = done
        left[:at] = (replace(act, probes=()) for act in left[:at])
        left[at] = replace(left[at], probes=left[at].probes[start:])


def _told(
    probe: Probe,
    state: str | None,
    touched: int | None,
    numbers: list[int] | None,
    constrained: bool,
) -> Iterator[Answer]:
    found = frozenset(numbers or ())
    for question in probe.questions:
        answer = Answer(question, state, touched, found, constrained, probe)
        if not probe.joint or (state is None and (answer.passed or probe.until == "untroubled")):
            yield answer
