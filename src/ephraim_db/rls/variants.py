"""Verdicts on commands in other forms, kept where they differ from those in the plain form.

TRUNCATE            always told: no policy holds it, only the grant
INSERT RETURNING    otherwise than INSERT           what was added cannot be read back
UPDATE RETURNING    otherwise than UPDATE           rows that SELECT hides are reached without WHERE
DELETE RETURNING    otherwise than DELETE           the same
UPDATE TO           otherwise than UPDATE           not to this value, or not of as many rows
UPSERT              otherwise than the lesser of INSERT and UPDATE
REALTIME            of what SELECT shows, the columns whose changes are sent to subscribers
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ephraim_db.rls.ownership import Whose
from ephraim_db.rls.probes import Answer, Command
from ephraim_db.rls.probing import INSUFFICIENT_PRIVILEGE, Observed
from ephraim_db.rls.verdicts import BY_GRANT, DELETED_ROW, Verdict

REFERENCED = "0A000"
"""What TRUNCATE says of a table that foreign keys point at, once it was found to be permitted."""

Verdicts = Mapping[str, Verdict]


def judge_variants(
    observed: Observed, plain: Mapping[Command, Verdicts]
) -> Iterator[tuple[Command, dict[str, Verdict]]]:
    """Yield the verdicts of each variant by column, or by column and value."""
    truncating = [a for a in observed.answers if a.question.command == "TRUNCATE"]
    if truncating:
        yield "TRUNCATE", {DELETED_ROW: _truncating(truncating)}
    inserting = _furthest(plain.get("INSERT", {}))
    updating = _furthest(plain.get("UPDATE", {}))
    yield from _differing(observed, "INSERT RETURNING", inserting)
    if inserting is not None and updating is not None:
        yield from _differing(observed, "UPSERT", min(inserting, updating))
    yield from _unnamed(observed, plain.get("UPDATE", {}))
    yield from _removing(observed, plain.get("DELETE", {}))
    yield from _transitions(observed, plain.get("UPDATE", {}))
    sent = {
        column: verdict
        for column, verdict in plain.get("SELECT", {}).items()
        if column in observed.relation.published and verdict.outcome == "allowed"
    }
    if sent:
        yield "REALTIME", sent


def _truncating(answers: Sequence[Answer]) -> Verdict:
    states = [answer.sqlstate for answer in answers]
    if None in states or REFERENCED in states:
        return Verdict("allowed", Whose.OTHER)
    if states[0] == INSUFFICIENT_PRIVILEGE:
        return BY_GRANT
    return Verdict("error", sqlstate=states[0])


def _furthest(verdicts: Verdicts) -> Whose | None:
    return max((v.reach for v in verdicts.values() if v.reach is not None), default=None)


def _differing(
    observed: Observed, command: Command, expected: Whose | None
) -> Iterator[tuple[Command, dict[str, Verdict]]]:
    answers = [a for a in observed.answers if a.question.command == command]
    reached = [a.question.whose for a in answers if a.passed and a.question.whose is not None]
    if answers and max(reached, default=None) != expected:
        yield command, {DELETED_ROW: _verdict(reached, answers)}


def _verdict(reached: Sequence[Whose], answers: Sequence[Answer]) -> Verdict:
    if reached:
        return Verdict("allowed", max(reached))
    states = [a.sqlstate for a in answers if a.sqlstate and not a.constrained]
    if INSUFFICIENT_PRIVILEGE in states:
        return Verdict("refused_by_policy")
    return Verdict("error", sqlstate=states[0]) if states else Verdict("hidden")


def _unnamed(observed: Observed, plain: Verdicts) -> Iterator[tuple[Command, dict[str, Verdict]]]:
    """Yield how far an UPDATE reaches that names rows, where one that names none goes further."""
    if not observed.relation.has_places or not observed.privileges.select:
        return
    whose = observed.rows.whose[observed.persona.name]
    found: dict[str, Verdict] = {}
    for column, verdict in plain.items():
        mine = [
            a
            for a in observed.answers
            if a.question.command == "UPDATE"
            and a.question.column == column
            and a.question.form in ("addressed", "changed")
        ]
        named = {whose[n - 1] for a in mine for n in a.numbers}
        named |= {a.question.whose for a in mine if a.question.whose is not None and a.passed}
        furthest = max(named, default=None)
        known = verdict.reach is not None and not verdict.reach_is_guess
        if known and (furthest or 0) < (verdict.reach or 0):
            found[column] = _verdict(tuple(named), mine)
    if found:
        yield "UPDATE RETURNING", found


def _removing(observed: Observed, plain: Verdicts) -> Iterator[tuple[Command, dict[str, Verdict]]]:
    answers = [a for a in observed.answers if a.question.command == "DELETE RETURNING"]
    whose = observed.rows.whose[observed.persona.name]
    reached = tuple({whose[n - 1] for a in answers for n in a.numbers})
    if answers and max(reached, default=None) != _furthest(plain):
        yield "DELETE RETURNING", {DELETED_ROW: _verdict(reached, answers)}


def _transitions(
    observed: Observed, plain: Verdicts
) -> Iterator[tuple[Command, dict[str, Verdict]]]:
    by_value: dict[tuple[str, str], list[Answer]] = {}
    for answer in observed.answers:
        question = answer.question
        if question.command == "UPDATE TO" and question.column and question.value:
            by_value.setdefault((question.column, question.value), []).append(answer)
    found: dict[str, Verdict] = {}
    for (column, value), answers in by_value.items():
        verdict = plain[column]
        # Other errors come from rules about values, and depend on the rows there happen to be.
        tried = [a for a in answers if a.touched or a.sqlstate == INSUFFICIENT_PRIVILEGE]
        reached = [a.question.whose for a in tried if a.passed and a.question.whose is not None]
        could = [a.question.whose for a in tried if a.question.whose is not None]
        known = max(reached, default=None) != verdict.reach and verdict.reach in could
        if verdict.outcome == "allowed" and known:
            found[f"{column} = {value}"] = _verdict(reached, tried)
    if found:
        yield "UPDATE TO", found
