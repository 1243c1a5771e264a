"""Who may do what in our own project, written out by hand, and what was observed in the same words.

What a table does not grant is refused by grant: not silently empty, but SQLSTATE 42501. Hidden
means that the grant is there for colleagues of the same role, and no row is.
"""

from __future__ import annotations

from tests.conftest import PROJECT
from tests.rls.promises import people, records
from tests.rls.promises.words import NOTHING, Promise

from ephraim_db.rls import Cell, Matrix, read_personas
from ephraim_db.rls.probes import COMMANDS

PERSONAS = read_personas(PROJECT / "supabase" / "rls.toml")
NAMES = tuple(persona.name for persona in PERSONAS.everyone)
TABLE = {
    "xero_connections": records.XERO_CONNECTIONS,
    "xero_authorizations": records.XERO_AUTHORIZATIONS,
    "xero_leftovers": records.XERO_LEFTOVERS,
    "organizations": people.ORGANIZATIONS,
    "profiles": people.PROFILES,
    "sms_logs": records.SMS_LOGS,
    "sms_log_events": records.SMS_LOG_EVENTS,
    "credential_events": records.CREDENTIAL_EVENTS,
    "credential_tests": records.CREDENTIAL_TESTS,
    "workers": people.WORKERS,
    "participants": people.PARTICIPANTS,
    "shifts": people.SHIFTS,
    "sealing_keys": records.SEALING_KEYS,
}
OF_THE_ROSTER = ("participants", "shifts", "sms_logs", "sms_log_events")
"""Where a participant who is on no roster yet has no row."""


def observed(matrix: Matrix, persona: str, relation: str) -> Promise:
    """Return what was observed beyond refusals by grant, in the words of the tables above."""
    found = {
        command: {
            in_words(cell)
            for cell in matrix.find(persona, f"public.{relation}", command)
            if cell.outcome != "refused_by_grant"
        }
        for command in COMMANDS
    }
    return {command: cells for command, cells in found.items() if cells}


def in_words(cell: Cell) -> str:
    words = {"allowed": cell.scope, "hidden": "hidden", "refused_by_policy": "refused"}
    word = words.get(cell.outcome, cell.outcome)
    return f"{word}: {' '.join(cell.columns)}" if cell.columns else word


def expected(persona: str, relation: str) -> Promise:
    """Return what is promised; people of the other organization are promised the same."""
    if persona == "newcomer":
        promised = TABLE[relation]["participant"]
        return without_own(promised) if relation in OF_THE_ROSTER else promised
    return TABLE[relation].get(persona.removeprefix("other_"), NOTHING)


def without_own(promised: Promise) -> Promise:
    """Return what remains of a promise to somebody who owns nothing here."""
    return {
        command: {cell.replace("own: ", "hidden: ") for cell in cells}
        for command, cells in promised.items()
    }
