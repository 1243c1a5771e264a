"""Say why an assertion failed: who, what, the outcome, what decided it, and how to see it again."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import psycopg

from ephraim_db.rls.catalog import Relation
from ephraim_db.testing.attempting import Acting, Attempt, attempt
from ephraim_db.testing.deciding import Decider, script
from ephraim_db.testing.seeing import Seen

_OUTCOMES = {
    "allowed": "allowed",
    "hidden": "hidden: nothing was raised, and no row was reached",
    "refused_by_grant": "refused by grant",
    "refused_by_policy": "refused by a policy or trigger",
    "error": "error, which is neither allowed nor refused",
}


@dataclass(frozen=True, slots=True)
class Telling:
    """Makes the messages; asks the database again for the reasons."""

    connection: psycopg.Connection[Any]
    acting: Acting

    def cannot(self, tried: Attempt) -> str:
        """Tell of a statement that should have been let through."""
        who, reasons = tried.persona.name, list(Decider(self.connection, self.acting).why(tried))
        if tried.outcome == "error":
            return self._message(f"this should work for {who}, and is an error", tried, ())
        if tried.outcome == "hidden" and not self._reaches_something(tried):
            reasons = ["there is no such row, not even past policies: is it seeded?"]
        return self._message(f"{who} should be able to do this, and cannot", tried, reasons)

    def can(self, tried: Attempt) -> str | None:
        """Tell of a statement that should have been refused; None if it was, and that proves it."""
        who = tried.persona.name
        if tried.is_refusal:
            return None
        if tried.outcome == "allowed":
            reasons = Decider(self.connection, self.acting).why(tried)
            return self._message(f"{who} should not be able to do this, and can", tried, reasons)
        if tried.outcome == "error":
            advice = f'if that is how it is refused: sqlstate="{_state(tried)}"'
            return self._message(
                f"this should be refused to {who}, and is an error", tried, [advice]
            )
        if self._reaches_something(tried):
            return None
        return self._message(
            f"that {who} cannot do this proves nothing",
            tried,
            ["no row is reached past policies either: seed one that must not be reached"],
        )

    def sees_otherwise(
        self, tried: Attempt, relation: Relation, where: str, seen: Seen
    ) -> str | None:
        """Tell of rows that are seen otherwise than a condition says; None if they are not."""
        who = tried.persona.name
        condition = f"{relation.full_name} where {where}"
        counted = (
            f"{_rows(seen.seen)} seen; there are {_rows(seen.inside)} within the condition and "
            f"{_rows(seen.outside)} without"
        )
        reasons = Decider(self.connection, self.acting).why(tried)
        if seen.astray:
            title = f"{who} should see only {condition}, and sees {_rows(seen.astray)} more"
            return self._message(
                title, tried, [*(f"seen: {key}" for key in seen.strays), *reasons], counted
            )
        if not seen.seen and seen.inside:
            title = f"{who} should see {condition}, and sees none of it"
            return self._message(title, tried, reasons, counted)
        if not seen.inside or not seen.outside:
            which = "that it should see" if not seen.inside else "that it must not see"
            title = f"that {who} sees only {condition} proves nothing"
            return self._message(title, tried, [f"there is no row {which}: seed one"], counted)
        return None

    def _reaches_something(self, tried: Attempt) -> bool:
        """Return whether it does past policies, with the same claims."""
        again = attempt(self.connection, self.acting, tried.persona, tried.sql, past_policies=True)
        return again.outcome != "hidden"

    def _message(
        self, title: str, tried: Attempt, reasons: Iterable[str], counted: str | None = None
    ) -> str:
        outcome = _OUTCOMES[tried.outcome]
        if tried.outcome == "allowed" and tried.rows is not None:
            outcome = f"{outcome}: {_rows(tried.rows)}"
        if tried.error is not None:
            outcome += f"\n{tried.error.diag.message_primary} [{_state(tried)}]"
        why = "\n".join(reasons)
        parts = {"outcome": counted or outcome, "because": why, "again": script(tried)}
        lines = [title]
        for heading, text in parts.items():
            if text:
                lines += [f"  {heading}:", textwrap.indent(text, "    ")]
        return "\n".join(lines)


def _state(tried: Attempt) -> str:
    return (tried.error.sqlstate if tried.error else None) or "?"


def _rows(number: int) -> str:
    return "1 row" if number == 1 else f"{number} rows"
