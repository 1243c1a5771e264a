"""How a promise is written: what a persona can do to a relation, by command."""

from __future__ import annotations

from ephraim_db.rls.probes import COMMANDS, Command

Promise = dict[Command, set[str]]


def promise(**commands: str | tuple[str, ...]) -> Promise:
    """Return what a persona can do, by command: "whose: columns", or how it is stopped."""
    return {
        command: {cells} if isinstance(cells := commands[command.lower()], str) else set(cells)
        for command in COMMANDS
        if command.lower() in commands
    }


NOTHING = promise()
