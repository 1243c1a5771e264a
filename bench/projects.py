"""Supabase projects of any size, the same for the same seed, with holes whose places are known.

tables: the organization's, a user's, shared ones, children of others, and public lookups
with them: helpers in `private`, functions for the API, triggers, and a view for every tenth table
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ephraim_db.rls import Persona, Personas

ORGANIZATIONS = tuple(f"00000000-0000-4000-8000-0000000000{n}1" for n in "ab")
USERS = tuple(f"a0000000-0000-4000-8000-00000000000{n}" for n in range(6))
ROLES = ("admin", "worker", "viewer")
HOLES = ("open read", "open insert", "no RLS", "open function", "open view", "moving")
HOLE_EVERY, VIEW_EVERY, EMPTY_EVERY, FUNCTION_EVERY = 10, 10, 6, 2

BEFORE = """
create schema private;
grant usage on schema private to authenticated, anon;
create type public.status as enum ('draft', 'open', 'done');
create table public.organizations (id uuid primary key, name text not null);
create table public.members (
    user_id uuid references auth.users, organization_id uuid references public.organizations,
    role text not null check (role in ('admin', 'worker', 'viewer')),
    primary key (user_id, organization_id)
);
create function private.organization_ids() returns setof uuid
language sql stable security definer set search_path = '' as
$$ select m.organization_id from public.members as m where m.user_id = auth.uid() $$;
create function private.is_admin(organization uuid) returns boolean
language sql stable security definer set search_path = '' as
$$ select exists (select from public.members as m where m.user_id = auth.uid()
   and m.organization_id = organization and m.role = 'admin') $$;
create function private.touch() returns trigger language plpgsql set search_path = '' as
$$ begin new.updated_at := now(); return new; end $$;
alter table public.organizations enable row level security;
alter table public.members enable row level security;
create policy "members read their organization" on public.organizations for select
to authenticated using (id in (select private.organization_ids()));
create policy "members read each other" on public.members for select
to authenticated using (organization_id in (select private.organization_ids()));
"""
COMMON = """id uuid primary key default gen_random_uuid(), title text not null,
 status public.status not null default 'draft', amount numeric check (amount >= 0),
 updated_at timestamptz not null default now()"""
ORGANIZATION = "organization_id uuid not null references public.organizations"
OWNER = "user_id uuid not null references auth.users default auth.uid()"
MINE = "user_id = (select auth.uid())"
OURS = "organization_id in (select private.organization_ids())"
ADMIN = "(select private.is_admin(organization_id))"


@dataclass(slots=True)
class Project:
    """One project: what makes it, and what it has."""

    sql: str = ""
    tables: int = 0
    policies: int = 2
    functions: int = 3
    holes: dict[str, str] = field(default_factory=dict)
    """What is wrong, by the name of the table, view or function it is wrong with."""


def generate(tables: int, seed: int = 1, *, some_empty: bool = True) -> Project:
    """Return a project with so many tables, `organizations` and `members` among them."""
    chance, project = random.Random(seed), Project(tables=tables)
    parts = [BEFORE, *_people()]
    parents: list[str] = []
    for n in range(tables - 2):
        hole = HOLES[n // HOLE_EVERY % len(HOLES)] if n % HOLE_EVERY == HOLE_EVERY // 2 else ""
        shape = chance.choice(("organization", "organization", "owner", "shared", "shared"))
        if not hole and parents and chance.random() < 0.3:
            shape = chance.choice(("child", "child", "lookup"))
        shape = {"open view": "owner", "moving": "organization"}.get(hole, shape)
        name = f"t{n:03}_{shape}"
        parent = chance.choice(parents) if parents else ""
        parts += _table(project, name, shape, hole, parent)
        filled = not some_empty or n % EMPTY_EVERY
        if filled:
            parts += _rows(name, shape, n, parent)
        if shape in ("organization", "shared") and filled and not hole:
            parents.append(name)
        if n % FUNCTION_EVERY == 0:
            parts += _function(project, name, n)
        if n % VIEW_EVERY == 1:
            parts.append(
                f"create view public.{name}_open with (security_invoker = true) as "
                f"select id, title from public.{name} where status <> 'done';"
            )
    project.sql = "\n".join(parts)
    return project


def personas(count: int = 8) -> Personas:
    """Return the first so many: members of both organizations, then nobody and the service."""
    members = [
        Persona(
            f"{ROLES[n // 2]}_{'ab'[n % 2]}", "authenticated", user, ORGANIZATIONS[n % 2]
        )
        for n, user in enumerate(USERS)
    ]  # fmt: skip
    everyone = (*members[:2], Persona("anonymous", "anon"), *members[2:])
    service = Persona("service_role", "service_role")
    return Personas(("public",), "organization_id", (*everyone, service)[:count])


def write_personas(folder: Path, who: Personas) -> None:
    """Write supabase/rls.toml into the folder of a project."""
    lines = [f'schemas = ["public"]\nboundary = "{who.boundary}"']
    for persona in who.everyone:
        lines += ["", f"[personas.{persona.name}]", f'role = "{persona.role}"']
        if persona.sub:
            lines += [f'sub = "{persona.sub}"', f'organization = "{persona.organization}"']
    (folder / "supabase").mkdir(parents=True)
    (folder / "supabase" / "rls.toml").write_text("\n".join(lines) + "\n", "utf-8")


def _people() -> Iterator[str]:
    for n, organization in enumerate(ORGANIZATIONS):
        yield f"insert into public.organizations values ('{organization}', 'Organization {n}');"
    for n, user in enumerate(USERS):
        yield f"insert into auth.users (id) values ('{user}');"
        yield (
            "insert into public.members values "
            f"('{user}', '{ORGANIZATIONS[n % 2]}', '{ROLES[n // 2]}');"
        )


def _table(project: Project, name: str, shape: str, hole: str, parent: str) -> Iterator[str]:
    columns = {
        "organization": [ORGANIZATION],
        "owner": [OWNER],
        "shared": [ORGANIZATION, OWNER],
        "child": [f"parent_id uuid not null references public.{parent} on delete cascade"],
        "lookup": ["code text not null unique"],
    }[shape]
    yield f"create table public.{name} ({', '.join((COMMON, *columns))});"
    yield f"create index on public.{name} ({columns[0].split()[0]});"
    yield (
        f"create trigger touch before update on public.{name} "
        "for each row execute function private.touch();"
    )
    if hole in ("open view", "open function"):
        project.functions += hole == "open function"
        named = f"{name}_all"
        project.holes[named] = hole
        yield (
            f"create view public.{named} as select * from public.{name};"
            if hole == "open view"
            else f"create function public.{named}() returns setof public.{name} language sql "
            f"stable security definer set search_path = '' as $$ select * from public.{name} $$;"
        )
    elif hole:
        project.holes[name] = hole
    if hole == "no RLS":
        return
    yield f"alter table public.{name} enable row level security;"
    for command, (using, check) in _policies(shape, hole, parent).items():
        project.policies += 1
        yield (
            f'create policy "{command} {name}" on public.{name} for {command} to authenticated'
            + (f" using ({using})" if using else "")
            + (f" with check ({check})" if check else "")
            + ";"
        )


def _policies(shape: str, hole: str, parent: str) -> dict[str, tuple[str, str]]:
    through = f"exists (select from public.{parent} as p where p.id = parent_id)"
    chosen = {
        "organization": {
            "select": (OURS, ""),
            "insert": ("", OURS),
            "update": (OURS, OURS),
            "delete": (ADMIN, ""),
        },
        "owner": {
            "select": (MINE, ""),
            "insert": ("", MINE),
            "update": (MINE, MINE),
            "delete": (MINE, ""),
        },
        "shared": {
            "select": (OURS, ""),
            "insert": ("", f"{MINE} and {OURS}"),
            "update": (f"{MINE} or {ADMIN}", OURS),
            "delete": (f"{MINE} or {ADMIN}", ""),
        },
        "child": {"select": (through, ""), "insert": ("", through)},
        "lookup": {"select": ("true", "")},
    }[shape]
    match hole:
        case "open read":
            return {**chosen, "select": ("true", "")}
        case "open insert":
            return {**chosen, "insert": ("", "true")}
        case "moving":
            return {**chosen, "update": (chosen["update"][0], "true")}
    return chosen


def _rows(name: str, shape: str, n: int, parent: str) -> Iterator[str]:
    for k, user in enumerate(USERS):
        organization = ORGANIZATIONS[k % 2]
        columns, values = {
            "organization": ("organization_id", f"'{organization}'"),
            "owner": ("user_id", f"'{user}'"),
            "shared": ("organization_id, user_id", f"'{organization}', '{user}'"),
            "lookup": ("code", f"'code {k}'"),
            "child": (
                "parent_id",
                f"(select id from public.{parent} order by title offset {k} limit 1)",
            ),
        }[shape]
        yield (
            f"insert into public.{name} (title, amount, {columns}) "
            f"values ('{name} {k}', {n + k}, {values});"
        )


def _function(project: Project, name: str, n: int) -> Iterator[str]:
    """Yield, in turn, one for the API that obeys the policies, and a helper that does not."""
    project.functions += 1
    if n % (2 * FUNCTION_EVERY):
        yield (
            f"create function public.find_{name}(wanted text) returns setof public.{name} "
            f"language sql stable set search_path = '' as "
            f"$$ select * from public.{name} as t where t.title = wanted $$;"
        )
    else:
        yield (
            f"create function private.count_{name}() returns bigint "
            f"language sql stable security definer set search_path = '' as "
            f"$$ select count(*) from public.{name} $$;"
        )
