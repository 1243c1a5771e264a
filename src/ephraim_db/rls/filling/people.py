"""Whose rows are made: the personas', and where they are too few, a colleague's and a stranger's.

Who is made for the run, because the seed has nobody like that, is known by the id.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ephraim_db.rls.personas import Persona, Personas

_MADE_USER = "eb0e0000-0000-4000-8000-"
_MADE_ORGANIZATION = "eb0e0000-0000-4000-9000-"
_MADE_NUMBER = 900_000_000
_MADE_NAME = "made-organization-"
MOST_HOMES = 3
"""So many organizations get two people, so that there are rows of others in them."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is to have rows; `leads` is who runs the organization."""

    persona: Persona
    number: int
    leads: bool

    @property
    def is_made(self) -> bool:
        """Return whether there is no such person outside of the run."""
        return is_made(self.persona.sub) or is_made(self.persona.organization)


def made_user(number: int) -> str:
    """Return the id of a user who is made for the run."""
    return f"{_MADE_USER}{number:012x}"


def made_organization(number: int, base: str = "uuid") -> str:
    """Return the key of an organization that is made for the run, for a column of type `base`."""
    if base == "uuid":
        return f"{_MADE_ORGANIZATION}{number:012x}"
    return str(_MADE_NUMBER + number) if base in ("int4", "int8") else f"{_MADE_NAME}{number}"


def is_made(value: str | None) -> bool:
    """Return whether a user or organization is one that is made for the run."""
    if value is None:
        return False
    made = value.startswith((_MADE_USER, _MADE_ORGANIZATION, _MADE_NAME))
    return made or (value.isdecimal() and _MADE_NUMBER < int(value) < _MADE_NUMBER + 100)


def find_people(personas: Personas, base: str) -> tuple[Person, ...]:
    """Return whose rows are needed, so that there are own, shared and foreign ones for each."""
    somebody = {
        (p.sub, organization): replace(p, organization=organization, also_of=())
        for p in personas.everyone
        for organization in p.organizations or (None,)
        if p.sub or organization
    }
    found = [*somebody.values(), *_missing(personas, list(somebody), base)]
    found.sort(key=lambda p: (is_made(p.sub), bool(p.claims.get("is_anonymous"))))
    leaders: dict[str | None, Persona] = {}
    for persona in found:
        if persona.organization or personas.boundary is None:
            leaders.setdefault(persona.organization, persona)
    return tuple(
        Person(persona, number, persona in leaders.values())
        for number, persona in enumerate(found, start=1)
    )


def _missing(
    personas: Personas, somebody: list[tuple[str | None, str | None]], base: str
) -> Iterator[Persona]:
    organizations = [organization for _, organization in somebody if organization]
    if personas.boundary is None:
        if len({sub for sub, _ in somebody}) < 2:
            yield Persona("somebody else", "authenticated", made_user(98))
        return
    homes = list(dict.fromkeys(organizations))
    homes += [made_organization(8 + n, base) for n in range(len(homes), 2)]
    for number, home in enumerate(homes[:MOST_HOMES]):
        for colleague in range(organizations.count(home), 2):
            made = made_user(64 + 2 * number + colleague)
            yield Persona("a colleague", "authenticated", made, home)
