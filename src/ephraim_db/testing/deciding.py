"""Why it came out like that: the policies of the tables a statement reads or writes, tried.

statement --explain, as postgres--> its tables --> policies for the persona
          --drop one, do it again, roll back--> those without which it comes out otherwise
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from operator import methodcaller
from typing import Any

import psycopg
from psycopg.rows import dict_row, tuple_row

from ephraim_db.rls.catalog import Policy, Relation, quote, read_catalog
from ephraim_db.rls.deciding import drop_policy
from ephraim_db.testing.attempting import Acting, Attempt, attempt

__tracebackhide__ = methodcaller("errisinstance", psycopg.Error)

MOST_TRIED = 30
_COMMANDS = re.compile(r"\b(select|insert|update|delete)\b", re.I)
_EXPRESSIONS = """
select pg_get_expr(polqual, polrelid) as using, pg_get_expr(polwithcheck, polrelid) as check
from pg_catalog.pg_policy where polrelid = %s and polname = %s
"""

_IS_ABOVE = "select rolsuper or rolbypassrls from pg_catalog.pg_roles where rolname = %s"


@dataclass(frozen=True, slots=True)
class Decider:
    """Finds out, on the connection where something was attempted."""

    connection: psycopg.Connection[Any]
    acting: Acting

    def why(self, tried: Attempt) -> Iterator[str]:
        """Yield what decided it, a line each."""
        if tried.outcome == "refused_by_grant":
            yield f'no grant lets role "{tried.persona.role}": no policy was asked'
            return
        if self._is_above(tried.persona.role):
            yield f'role "{tried.persona.role}" has BYPASSRLS or is a superuser: no policy holds it'
            return
        for relation in self._relations(tried):
            yield from self._of_relation(tried, relation)

    def _is_above(self, role: str) -> bool:
        cursor = self.connection.cursor(row_factory=tuple_row)
        row = cursor.execute(_IS_ABOVE, (role,)).fetchone()
        return row == (True,)

    def _of_relation(self, tried: Attempt, relation: Relation) -> Iterator[str]:
        if relation.policies is None:
            if relation.has_places:
                yield f"row security is off on {relation.full_name}"
            return
        words = {word.upper() for word in _COMMANDS.findall(tried.sql)}
        mine = [
            policy
            for policy in relation.policies
            if policy.command in {*words, "SELECT", "ALL"}  # a WHERE reads
            and not {tried.persona.role, "public"}.isdisjoint(policy.roles)
        ]
        asked = [policy for policy in mine if policy.command in {*words, "ALL"}]
        if not any(policy.permissive for policy in asked):
            yield (
                f"{relation.full_name} has no policy that lets {tried.persona.role} "
                f"{' or '.join(sorted(words))}"
            )
        decisive = [p for p in mine[:MOST_TRIED] if self._differs(tried, relation, p)]
        if decisive:
            for policy in decisive:
                yield from self._described("decided by", relation, policy)
        else:
            heading = "each would do:" if tried.outcome == "allowed" else "not passed:"
            for policy in asked:
                yield from self._described(heading, relation, policy)

    def _differs(self, tried: Attempt, relation: Relation, policy: Policy) -> bool:
        try:
            with self.connection.transaction(force_rollback=True):
                self.connection.execute(drop_policy(relation, policy).encode())
                again = attempt(self.connection, self.acting, tried.persona, tried.sql)
        except psycopg.errors.InsufficientPrivilege:  # the platform's table
            return False
        return (again.outcome, again.rows) != (tried.outcome, tried.rows)

    def _described(self, heading: str, relation: Relation, policy: Policy) -> Iterator[str]:
        kind = "" if policy.permissive else "restrictive "
        where = f"on {relation.full_name}, for {policy.command}"
        yield f'{heading} {kind}policy "{policy.name}" {where}'
        cursor = self.connection.cursor(row_factory=dict_row)
        row = cursor.execute(_EXPRESSIONS, (relation.oid, policy.name)).fetchone() or {}
        for clause, expression in row.items():
            if expression:
                words = "with check" if clause == "check" else clause
                yield f"    {words} {' '.join(expression.split())}"

    def _relations(self, tried: Attempt) -> list[Relation]:
        """Return what the statement reads or writes, seen past policies, which may hide it."""
        try:
            with (
                self.connection.transaction(force_rollback=True),
                self.acting(tried.persona, past_policies=True),
            ):
                cursor = self.connection.cursor(row_factory=tuple_row)
                row = cursor.execute(
                    f"explain (verbose, format json) {tried.sql}".encode()
                ).fetchone()
        except psycopg.Error:
            return []
        plan = json.loads(row[0]) if row and isinstance(row[0], str) else row
        names = dict.fromkeys(_named(plan))
        catalog = read_catalog(self.connection)
        found = (catalog.named(schema, name) for schema, name in names)
        return [relation for relation in found if relation is not None]


def _named(plan: Any) -> Iterator[tuple[str, str]]:
    """Yield schema and name of every relation in a plan."""
    if isinstance(plan, (list, tuple)):
        for part in plan:
            yield from _named(part)
    elif isinstance(plan, dict):
        if "Relation Name" in plan:
            yield plan["Schema"], plan["Relation Name"]
        for part in plan.values():
            if isinstance(part, (dict, list)):
                yield from _named(part)


def script(tried: Attempt) -> str:
    """Return what shows it again in psql, on a database that has the rows."""
    claims = tried.persona.jwt_claims.replace("'", "''")
    return "\n".join(
        [
            "begin;",
            f"select set_config('request.jwt.claims', '{claims}', true);",
            f"set local role {quote(tried.persona.role)};",
            f"{tried.sql.strip().rstrip(';')};",
            "rollback;",
        ]
    )
