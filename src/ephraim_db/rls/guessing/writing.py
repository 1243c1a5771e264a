"""Write guesses down as an rls.toml with comments, for somebody to correct."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from ephraim_db.rls.filling.people import is_made
from ephraim_db.rls.guessing.guess import Guess
from ephraim_db.rls.personas import Persona


def as_toml(guess: Guess) -> str:
    """Return the text of supabase/rls.toml, ending in a line break."""
    return "\n".join(_lines(guess)) + "\n"


def _lines(guess: Guess) -> Iterator[str]:
    yield "# Who is asked what row-level security lets them do: `ephraim-db rls matrix`."
    yield "# These are guesses from the database. Correct them: a persona is as good as its rows."
    yield ""
    yield "# The schemas that the API exposes, as [api] of config.toml has them."
    yield f"schemas = {json.dumps(list(guess.personas.schemas))}"
    yield ""
    boundary = guess.personas.boundary
    if boundary is None:
        yield "# No column was found that says which organization a row is of. If there is one:"
        yield '# boundary = "organization_id"'
    else:
        tables = "table has" if guess.boundary_tables == 1 else "tables have"
        yield f"# The column that says whose row it is; {guess.boundary_tables} {tables} it."
        yield f"boundary = {json.dumps(boundary)}"
    yield ""
    yield "# Columns that nobody who signs in should read, besides those with the usual names:"
    yield '# secrets = ["organizations.api_key"]'
    if any(is_made(persona.sub) for persona in guess.personas.everyone):
        yield ""
        yield "# Ids that begin with eb0e0000- are of nobody: who has one is made for the run, with"
        yield "# rows in the tables that are empty. Better: seed users, and write their ids here."
    for persona in guess.personas.everyone:
        yield ""
        yield from _persona(persona)


def _persona(persona: Persona) -> Iterator[str]:
    yield f"[personas.{persona.name}]"
    yield f"role = {json.dumps(persona.role)}"
    if persona.sub:
        yield f"sub = {json.dumps(persona.sub)}"
    if persona.organization:
        several = list(persona.organizations) if persona.also_of else persona.organization
        yield f"organization = {json.dumps(several)}"
    if persona.claims:
        yield f"claims = {_value(persona.claims)}"


def _value(value: object) -> str:
    """Return a claim as TOML writes it on one line."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_value(of)}" for key, of in value.items()) + " }"
    return json.dumps(value)
