"""Which columns hold secrets: those that rls.toml names, and those with the usual names."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ephraim_db.rls.catalog import Column, Relation
from ephraim_db.rls.findings.scene import Scene

USUAL = re.compile(
    r"passw(or)?d|passphrase|secret|(^|_)tokens?($|_)|api_?key|private_?key|access_?key|"
    r"signing_?key|service_?key|(^|_)otp($|_)|credential|encrypted_",
    re.IGNORECASE,
)
ABOUT_ONE = re.compile(
    r"_(set|at|on|id|ids|count|type|kind|name|hint|status|version|expiry|expires?(_\w+)?|length|"
    r"limit|used|usage|prefix|last4?)$",
    re.IGNORECASE,
)
"""Endings of columns that tell of a secret without being one."""

TEXTS = re.compile(r"^(text|character varying|character|bytea|json|jsonb|.*citext|.*\[\])")


@dataclass(frozen=True, slots=True)
class Secret:
    """A column that holds one. `declared`: rls.toml says so."""

    relation: Relation
    column: Column
    declared: bool


def find_secrets(scene: Scene) -> tuple[Secret, ...]:
    """Return the secret columns of every table of the user's schemas."""
    declared = frozenset(scene.observation.personas.secrets)
    found = []
    for relation in scene.observation.catalog.relations.values():
        for column in relation.columns if relation.has_places else ():
            names = {
                column.name,
                f"{relation.name}.{column.name}",
                f"{relation.full_name}.{column.name}",
            }
            said = bool(names & declared)
            if said or (relation.schema not in PLATFORM and _seems_secret(column)):
                found.append(Secret(relation, column, said))
    return tuple(found)


PLATFORM = frozenset(
    {"auth", "storage", "realtime", "vault", "extensions", "graphql", "supabase_functions", "net"}
)
"""Schemas of Supabase itself."""


def _seems_secret(column: Column) -> bool:
    return bool(
        TEXTS.match(column.type) and USUAL.search(column.name) and not ABOUT_ONE.search(column.name)
    )
