"""Which columns hold secrets: those that rls.toml names, and those with the usual names."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ephraim_db.rls.catalog import Column, Relation
from ephraim_db.rls.findings.scene import Scene

STRONG = re.compile(
    r"passw(or)?d|passphrase|secret|private_?key|api_?key|access_?key|signing_?key|service_?key|"
    r"(access|refresh|auth|api|bearer|session|reset|recovery)_?token|encrypted_",
    re.IGNORECASE,
)
WEAK = re.compile(r"(^|_)tokens?$|(^|_)otp($|_)|credential", re.IGNORECASE)
"""Names that are often given to what may be shown: a link to an invitation, a coin."""
ABOUT_ONE = re.compile(
    r"_(set|at|on|id|ids|count|type|kind|name|hint|status|version|expiry|expires?(_\w+)?|length|"
    r"limit|used|usage|prefix|last4?|addr|address|symbol|url|uri|amount)$|"
    r"_(policy|requirements?|strength|rules?)(_config|_settings?)?$",
    re.IGNORECASE,
)
"""Endings of columns that tell of a secret without being one."""

TEXTS = re.compile(r"^(text|character varying|character|bytea|json|jsonb|.*citext|.*\[\])")


@dataclass(frozen=True, slots=True)
class Secret:
    """A column that holds one. `declared`: rls.toml says so. `sure`: the name leaves no doubt."""

    relation: Relation
    column: Column
    declared: bool
    sure: bool


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
                found.append(
                    Secret(relation, column, said, said or bool(STRONG.search(column.name)))
                )
    return tuple(found)


PLATFORM = frozenset(
    {"auth", "storage", "realtime", "vault", "extensions", "graphql", "supabase_functions", "net"}
)
"""Schemas of Supabase itself."""


def _seems_secret(column: Column) -> bool:
    if ABOUT_ONE.search(column.name) or not TEXTS.match(column.type):
        return False
    weakly = WEAK.search(column.name) and column.type != "bytea"
    return bool(STRONG.search(column.name) or weakly)
