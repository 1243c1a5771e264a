"""Who there is to act as: users of the seed, one for each role they have, or made ones."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import psycopg
from psycopg.abc import Query

from ephraim_db.rls.catalog import Catalog, Relation, quote
from ephraim_db.rls.filling.drafting import ROLE
from ephraim_db.rls.filling.people import made_organization, made_user
from ephraim_db.rls.guessing.boundary import is_membership
from ephraim_db.rls.ownership import Ownership
from ephraim_db.rls.personas import Persona

MOST_OF_A_HOME = 4
MOST_MEMBERS = 500
_USERS = "select id::text from auth.users order by created_at, id limit 50"


@dataclass(frozen=True, slots=True)
class Member:
    """A user of the seed, where they belong, and as what."""

    sub: str
    organization: str
    role: str


def find_members(
    connection: psycopg.Connection[Any],
    catalog: Catalog,
    tables: Sequence[Relation],
    boundary: str,
) -> tuple[Member, ...]:
    """Return who belongs where; who belongs to several organizations comes last."""
    ownership = Ownership(catalog, boundary)
    found: dict[tuple[str, str], Member] = {}
    for table in tables:
        for column in ownership.organization_columns(table):
            if not table.has_places or not is_membership(table, column, ownership):
                continue
            for member in _read(connection, table, ownership.owner_columns(table), column):
                found.setdefault((member.sub, member.organization), member)
    homes: dict[str, int] = {}
    for member in found.values():
        homes[member.sub] = homes.get(member.sub, 0) + 1
    return tuple(sorted(found.values(), key=lambda m: homes[m.sub]))


def name_members(members: Sequence[Member], base: str) -> tuple[Persona, ...]:
    """Return personas: one organization's members, one for each role, and a stranger to it."""
    if not members:
        home, elsewhere = (made_organization(n, base) for n in (1, 2))
        return (
            Persona("owner", "authenticated", made_user(1), home),
            Persona("member", "authenticated", made_user(2), home),
            Persona("stranger", "authenticated", made_user(3), elsewhere),
        )
    homes: dict[str, list[Member]] = {}
    for member in members:
        homes.setdefault(member.organization, []).append(member)
    home = max(homes, key=lambda key: (len({m.role for m in homes[key]}), len(homes[key])))
    of_role: dict[str, Member] = {}
    for member in homes[home]:
        of_role.setdefault(member.role, member)
    chosen = list(of_role.values())[:MOST_OF_A_HOME]
    if len(chosen) == 1:
        chosen += [m for m in homes[home] if m.sub != chosen[0].sub][:1]
    named = [(_name(member.role) or "member", member) for member in chosen]
    at_home = {member.sub for member in homes[home]}
    stranger = next((m for m in members if m.sub not in at_home), None)
    personas = [_persona(name, member, members) for name, member in named]
    if stranger is None:
        elsewhere = made_organization(2, base)
        personas.append(Persona("stranger", "authenticated", made_user(3), elsewhere))
    else:
        personas.append(_persona("stranger", stranger, members))
    return _apart(personas)


def _persona(name: str, member: Member, members: Sequence[Member]) -> Persona:
    homes = [m.organization for m in members if m.sub == member.sub]
    further = tuple(home for home in homes if home != member.organization)
    return Persona(name, "authenticated", member.sub, member.organization, also_of=further)


def name_users(
    connection: psycopg.Connection[Any], catalog: Catalog, lasts: Callable[[str], bool]
) -> tuple[Persona, ...]:
    """Return two users, of the seed as far as there are any."""
    subs = []
    if catalog.named("auth", "users") is not None:
        subs = [sub for (sub,) in connection.execute(_USERS) if lasts(sub)][:2]
    subs += [made_user(number) for number in range(len(subs) + 1, 3)]
    return tuple(
        Persona(name, "authenticated", sub)
        for name, sub in zip(("user", "other_user"), subs, strict=True)
    )


def _read(
    connection: psycopg.Connection[Any],
    table: Relation,
    owners: Sequence[str],
    organization: str,
) -> list[Member]:
    roles = [c.name for c in table.columns if ROLE.search(c.name)]
    role = f"{quote(roles[0])}::text" if roles else "''"
    found = []
    for owner in owners:
        sql = (
            f"select r.{quote(owner)}::text, r.{quote(organization)}::text, coalesce({role}, '') "
            f"from {table.sql} as r where r.{quote(organization)} is not null "
            f"and exists (select from auth.users as u where u.id::text = r.{quote(owner)}::text) "
            f"order by 1, 2 limit {MOST_MEMBERS}"
        )
        found += [Member(*row) for row in connection.execute(cast("Query", sql))]
    return found


def _name(role: str) -> str:
    return re.sub(r"\W+", "_", role).strip("_").lower()


def _apart(personas: Sequence[Persona]) -> tuple[Persona, ...]:
    """Give personas of one name a number."""
    names: dict[str, int] = {}
    told = []
    for persona in personas:
        names[persona.name] = count = names.get(persona.name, 0) + 1
        name = persona.name if count == 1 else f"{persona.name}_{count}"
        told.append(replace(persona, name=name))
    return tuple(told)
