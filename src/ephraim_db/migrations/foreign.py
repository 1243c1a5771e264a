"""Statements that are no migration's: they talk to psql, or change what the text means."""

from __future__ import annotations

import re

_COPIES = re.compile(r"copy\b.*\b(?:from\s+stdin|to\s+stdout)\b", re.IGNORECASE | re.DOTALL)
_COMMENT = re.compile(r"--[^\n\r]*|/\*.*?\*/", re.DOTALL)
_PSQL = re.compile(r"\\\w*")
_ENCODES = re.compile(
    r"set\s+(?:session\s+|local\s+)?(?:names\s|client_encoding\s*(?:=|\bto\b))\s*+"
    r"(?!['\"]?(?:utf-?8|unicode|default)\b)",
    re.IGNORECASE,
)


def flaw_of(code: str) -> str | None:
    """Return why a statement cannot be sent, None if it can."""
    if code[:4].lower() == "copy" and _COPIES.match(_COMMENT.sub(" ", code)):
        return (
            "copy from stdin and copy to stdout talk to psql, not to a migration; write insert "
            "statements"
        )
    if code[:1] == "\\":
        command = _PSQL.match(code)
        return (
            f"{command[0] if command else code[:1]} is a command of psql, not SQL: leave the line "
            "out, or write what it does as SQL"
        )
    if code[:3].lower() == "set" and _ENCODES.match(code):
        return "migrations are UTF-8, and so they are sent: leave client_encoding as it is"
    return None
