"""From answers to a verdict for each column: what happened, and how far it reached.

Both refusals are SQLSTATE 42501. The catalog tells which it was: whoever lacks the privilege was
refused by grant; whoever has it, by a policy or by a trigger that says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ephraim_db.rls.ownership import Whose
from ephraim_db.rls.probes import Answer, Command, Question
from ephraim_db.rls.probing import INSUFFICIENT_PRIVILEGE, Observed

Outcome = Literal["allowed", "hidden", "refused_by_policy", "refused_by_grant", "error", "unproven"]
DELETED_ROW = ""
"""Stands for the whole row where a command has no columns."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What happened; `reach` is the furthest kind of row it happened to."""

    outcome: Outcome
    reach: Whose | None = None
    sqlstate: str | None = None
    reach_is_guess: bool = False
    may_reach_more: bool = False


BY_GRANT = Verdict("refused_by_grant")


def judge(observed: Observed, command: Command) -> dict[str, Verdict]:
    """Return the verdict on one of COMMANDS for each column it can name."""
    if command not in observed.verdicts:
        observed.verdicts[command] = _judge(observed, command)
    return observed.verdicts[command]


def _judge(observed: Observed, command: Command) -> dict[str, Verdict]:
    answers = [a for a in observed.answers if a.question.command == command]
    written = [c.name for c in observed.relation.columns if c.written]
    granted = observed.privileges
    if observed.rows.failure or command in observed.untried:
        return dict.fromkeys(written or [DELETED_ROW], Verdict("unproven"))
    match command:
        case "SELECT":
            return {c: _reading(observed, answers, c) for c in observed.relation.column_names}
        case "INSERT":
            if not granted.insert:
                return dict.fromkeys(written, _refusal(answers))
            added = _adding(observed, answers)
            return {c: added if c in granted.insert else BY_GRANT for c in written}
        case "UPDATE":
            return {c: _changing(observed, answers, c) for c in written}
        case _:
            return {DELETED_ROW: _removing(observed, answers)}


def _reading(observed: Observed, answers: Sequence[Answer], column: str) -> Verdict:
    for answer in answers:
        if answer.question == Question("SELECT", "read", column) and answer.sqlstate:
            lacks = column not in observed.privileges.select
            if answer.sqlstate == INSUFFICIENT_PRIVILEGE and lacks:
                return BY_GRANT
            return Verdict("error", sqlstate=answer.sqlstate)
    rows = [answer for answer in answers if answer.question.form == "rows"]
    for answer in rows:
        if answer.sqlstate:
            return Verdict("error", sqlstate=answer.sqlstate)
    seen = _kinds_seen(observed, rows)
    if seen:
        return Verdict("allowed", max(seen))
    return Verdict("hidden" if rows and observed.rows.total else "unproven")


def _adding(observed: Observed, answers: Sequence[Answer]) -> Verdict:
    reached: set[Whose] = set()
    for kind in observed.rows.kinds(observed.persona):
        tries = [a for a in answers if a.question.whose is kind and a.passed]
        added = {Whose(n) for a in tries for n in a.numbers}
        if added:
            reached |= added
        elif tries:
            reached.add(kind)
    if not observed.rows.total and any(a.passed for a in answers):
        return Verdict("allowed", Whose.OTHER, reach_is_guess=True)
    return _told(reached, answers, can_decide=bool(observed.rows.total))


def _changing(observed: Observed, answers: Sequence[Answer], column: str) -> Verdict:
    mine = [a for a in answers if a.question.column == column]
    if column not in observed.privileges.update:
        return _refusal(mine)
    moved = [a for a in mine if a.question.form == "moved"]
    # Which rows an UPDATE reaches does not depend on the column: one that worked tells for all.
    told = _touching(observed, [a for a in mine if a not in moved], answers)
    away = _kinds_seen(observed, [a for a in moved if not a.sqlstate])
    if away and (told.outcome != "allowed" or max(away) > (told.reach or 0)):
        return Verdict("allowed", max(away))
    return told


def _removing(observed: Observed, answers: Sequence[Answer]) -> Verdict:
    if not observed.privileges.delete:
        return _refusal(answers)
    return _touching(observed, answers, answers)


def _refusal(answers: Sequence[Answer]) -> Verdict:
    """Believe a missing grant only where the refusal was seen as well."""
    for answer in answers:
        if answer.sqlstate != INSUFFICIENT_PRIVILEGE:
            return Verdict("error", sqlstate=answer.sqlstate)
    return BY_GRANT if answers else Verdict("unproven")


def _touching(observed: Observed, answers: Sequence[Answer], alike: Sequence[Answer]) -> Verdict:
    """Judge by kind of row; `alike` are answers that tell which rows can be reached at all."""
    by_kind = [a for a in answers if a.question.whose is not None]
    at_once = [a for a in answers if a.question.whose is None]
    touched = _kinds_seen(observed, at_once)
    blind = [a for a in alike if a.question.form in ("blind", "unbound") and not a.sqlstate]
    reachable = (
        _kinds_seen(observed, blind) if blind else set(observed.rows.kinds(observed.persona))
    )
    reached: set[Whose] = set()
    doubted: set[Whose] = set()
    for kind in Whose:
        tries = [a for a in by_kind if a.question.whose is kind]
        out_of_reach = kind in touched and not any(a.sqlstate or a.touched for a in tries)
        if any(a.passed for a in tries) or out_of_reach:
            reached.add(kind)
        elif kind in reachable and tries and not any(a.sqlstate or a.touched for a in tries):
            doubted.add(kind)
    if not reached and any(a.constrained for a in at_once) and not _refused(by_kind):
        return Verdict("allowed", Whose.OTHER, reach_is_guess=True)
    told = _told(reached, by_kind or at_once, can_decide=bool(observed.rows.total))
    in_doubt = observed.relation.has_places and any(k > (told.reach or 0) for k in doubted)
    return replace(told, may_reach_more=in_doubt)


def _refused(answers: Iterable[Answer]) -> bool:
    return any(a.sqlstate and not a.constrained for a in answers)


def _kinds_seen(observed: Observed, answers: Iterable[Answer]) -> set[Whose]:
    """Return the kinds of the rows that answers tell of: by number, or as such for a view."""
    numbers = {n for answer in answers for n in answer.numbers}
    if not observed.relation.has_places:
        return {Whose(n) for n in numbers}
    whose = observed.rows.whose[observed.persona.name]
    return {whose[n - 1] for n in numbers}


def _told(reached: set[Whose], answers: Sequence[Answer], *, can_decide: bool) -> Verdict:
    if reached:
        return Verdict("allowed", max(reached))
    if not can_decide:
        return Verdict("unproven")
    refusals = [a.sqlstate for a in answers if a.sqlstate and not a.constrained]
    if INSUFFICIENT_PRIVILEGE in refusals:
        return Verdict("refused_by_policy")
    if refusals:
        return Verdict("error", sqlstate=refusals[0])
    return Verdict("hidden" if answers else "unproven")
