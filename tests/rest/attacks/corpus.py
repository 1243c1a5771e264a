"""The attack corpus: requests that must get nowhere, in a file for each way of attacking.

*.toml --read_corpus--> [Attack, ...] --Request--> answered as the attack expects, and no better

A file has a `title`, a sentence on `what` it tries, and `default`s for what its attacks leave out:

    try      what the attacker wants, in words; no two want the same
    as       the persona whose token is shown
    ask      method, path and query below /rest/v1; $acacia and the like are ids: `NAMES`
    headers  further ones; a list sends a header several times
    body     text, JSON if not said otherwise
    token    how the token differs from the persona's: forging.py
    key      the API key, if not the persona's; empty for none
    answer   the status, then PostgREST's code, `[]`, `own` for rows of one's own, or nothing
    range    the Content-Range, where counts could tell
    guess    right and wrong values of $guess, which must be answered alike
    control  by whom, or how else, the same request succeeds: so that the attack could have
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Template
from typing import Any

FOLDER = Path(__file__).parent
_KEYS = {
    "try",
    "as",
    "ask",
    "headers",
    "body",
    "token",
    "key",
    "answer",
    "range",
    "guess",
    "control",
}

NAMES = {
    f"{organization}{name}": f"{letter}0000000-0000-4000-8000-{number:012}"
    for organization, letter in (("acacia", "a"), ("banksia", "b"))
    for name, number in {
        "": 1,
        "_admin": 101,
        "_coordinator": 102,
        "_worker_user": 103,
        "_participant_user": 105,
        "_other_participant_user": 106,
        "_worker": 203,
        "_other_worker": 204,
        "_participant": 305,
        "_other_participant": 306,
        "_left_participant": 307,
        "_shift": 405,
        "_other_shift": 406,
        "_message": 501,
        "_worker_message": 503,
        "_participant_message": 505,
        "_other_participant_message": 506,
        "_test": 601,
    }.items()
} | {"nobody": "c0000000-0000-4000-8000-000000000001"}


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent, with $names still in it."""

    persona: str
    ask: str
    headers: Mapping[str, str | list[str]]
    body: str | None
    token: Mapping[str, Any] | None
    key: str | None
    guesses: tuple[str, ...]

    @property
    def method(self) -> str:
        """The HTTP method."""
        return self.ask.split(" ", 1)[0]

    @property
    def writes(self) -> bool:
        """Whether it would change rows."""
        return self.method in ("POST", "PUT", "PATCH", "DELETE") and " rpc/" not in self.ask


def named(text: str, guess: str = "") -> str:
    """Return `text` with ids for the $names in it, and the guess for $guess."""
    return Template(text).substitute(NAMES, guess=Template(guess).substitute(NAMES))


@dataclass(frozen=True, slots=True)
class Attack:
    """A request, and what is answered if all is well."""

    kind: str
    wish: str
    request: Request
    answer: str
    range: str | None
    control: Request

    def __str__(self) -> str:
        return f"{self.kind}: {self.wish}"


@dataclass(frozen=True, slots=True)
class Kind:
    """One way of attacking: a file of attacks."""

    title: str
    what: str
    attacks: tuple[Attack, ...]


@cache
def read_corpus() -> tuple[Kind, ...]:
    """Read every file, in the order of their names."""
    return tuple(_read(path) for path in sorted(FOLDER.glob("*.toml")))


def _read(path: Path) -> Kind:
    document = tomllib.loads(path.read_text("utf-8"))
    default, title = document.get("default", {}), document["title"]
    attacks = tuple(_attack(title, default | entry) for entry in document["attack"])
    return Kind(title, document["what"], attacks)


def _attack(title: str, entry: dict[str, Any]) -> Attack:
    unknown = entry.keys() - _KEYS
    assert not unknown, f"{title}: {entry['try']}: {unknown}"
    control = entry["control"]
    harmless = {"as": control} if isinstance(control, str) else control
    return Attack(
        title,
        entry["try"],
        _request(entry),
        entry["answer"],
        entry.get("range"),
        _request({**entry, "token": None, "key": None, **harmless}),
    )


def _request(entry: dict[str, Any]) -> Request:
    headers = entry.get("headers", {})
    persona, key = entry["as"], entry.get("key")
    guesses = tuple(entry.get("guess", {"": ""}).values())
    return Request(
        persona, entry["ask"], headers, entry.get("body"), entry.get("token"), key, guesses
    )
