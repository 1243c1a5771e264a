"""Which trigger stopped a command: whatever was refused is done again with triggers switched off.

refused, raised or quietly kept, and no policy named --without triggers, without each--> the trigger
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ephraim_db.rls.asking import Act
from ephraim_db.rls.catalog import Trigger, quote
from ephraim_db.rls.deciding import MOST_SHOWN, Ask, Case
from ephraim_db.rls.overlapping import Work
from ephraim_db.rls.probes import COMMANDS, Answer, Command
from ephraim_db.rls.probing import Observed
from ephraim_db.rls.verdicts import Verdict, judge


@dataclass(frozen=True, slots=True)
class Stop:
    """A column of which nothing got through, and the triggers that the command fires."""

    case: Case
    column: str
    triggers: tuple[Trigger, ...]

    @property
    def key(self) -> tuple[Command, str]:
        """Return what the trigger is looked up by."""
        return self.case.command, self.column

    def without(self, trigger: str) -> Act:
        """Return the act that does it again with a trigger, or all of the `user`, switched off."""
        relation = self.case.observed.relation
        return self.case.again(f"alter table {relation.sql} disable trigger {trigger}")

    def passes(self, answers: Sequence[Answer]) -> bool:
        """Return whether it came out otherwise."""
        return bool(answers) and self.case.reached(answers) != self.case.reached(self.case.answers)


def name_triggers(observed: Sequence[Observed], ask: Ask) -> Work[list[Observed]]:
    """Return the same with the triggers that stopped it, where one did."""
    stops = [stop for one in observed for stop in _stops(one)]
    asked = yield from ask(stop.without("user") for stop in stops)
    stopped = [stop for stop, after in zip(stops, asked, strict=True) if stop.passes(after)]
    tried = [(stop, trigger.name) for stop in stopped for trigger in stop.triggers]
    each = yield from ask(stop.without(quote(name)) for stop, name in tried)
    named: dict[int, dict[tuple[Command, str], list[str]]] = {}
    for (stop, name), after in zip(tried, each, strict=True):
        if stop.passes(after):
            mine = named.setdefault(id(stop.case.observed), {})
            mine.setdefault(stop.key, []).append(name)
    return [
        replace(
            one,
            stopped={key: " and ".join(names) for key, names in named.get(id(one), {}).items()},
        )
        for one in observed
    ]


def _stops(one: Observed) -> Iterator[Stop]:
    for command in COMMANDS if one.relation.has_places else ():
        triggers = tuple(t for t in one.relation.triggers if command in t.commands)
        if triggers and command not in one.untried:
            for columns, verdict in _alike(command, judge(one, command)):
                shown = _showing(one, command, verdict, columns[0])
                case = Case(one, command, verdict, (), shown)
                for column in columns if shown and case.key not in one.decided else ():
                    yield Stop(case, column, triggers)


def _alike(
    command: Command, by_column: Mapping[str, Verdict]
) -> Iterator[tuple[tuple[str, ...], Verdict]]:
    """Yield each column with its verdict; of INSERT, which tries whole rows, all that share it."""
    if command != "INSERT":
        yield from (((column,), verdict) for column, verdict in by_column.items())
        return
    for verdict in dict.fromkeys(by_column.values()):
        yield tuple(column for column, its in by_column.items() if its == verdict), verdict


def _showing(one: Observed, command: Command, verdict: Verdict, column: str) -> tuple[Answer, ...]:
    """Return the answers that show what a trigger may have stopped."""
    if verdict.outcome not in ("refused_by_policy", "error", "hidden"):
        return ()
    asked = column if command == "UPDATE" else None
    mine = (
        answer
        for answer in one.answers
        if answer.question.command == command and answer.question.column == asked
    )
    return tuple(answer for answer in mine if _was_stopped(answer))[:MOST_SHOWN]


def _was_stopped(answer: Answer) -> bool:
    """Return whether something raised that is no constraint, or quietly kept a row as it was."""
    if answer.sqlstate is not None:
        return not answer.constrained
    return bool(answer.touched) and answer.question.must_tell and not answer.numbers
