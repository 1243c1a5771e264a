"""What a rule may look at and try: everything observed, in the transaction it was observed in."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from psycopg.sql import Literal

from ephraim_db.rls.catalog import Privileges, Relation, quote
from ephraim_db.rls.findings.attempting import Attempt, Results, Step, asked, carry_out, prepare
from ephraim_db.rls.findings.course import Course
from ephraim_db.rls.findings.facts import Facts, Table, read_facts
from ephraim_db.rls.functions import Function
from ephraim_db.rls.matrix import Cell, Matrix
from ephraim_db.rls.observing import Observation, Observed
from ephraim_db.rls.ownership import Whose, is_one_of
from ephraim_db.rls.personas import Persona
from ephraim_db.rls.prober import MAY_BYPASS
from ephraim_db.rls.probes import Command

PERSONAL = re.compile(
    r"e_?mail|phone|mobile|birth|^dob$|(^|_)ssn($|_)|passport|(^|_)iban($|_)|salary|"
    r"^(home_|street_|postal_|billing_|shipping_)?address",
    re.I,
)
"""Names of columns that people would not want strangers to read."""

WRITES: tuple[Command, ...] = ("INSERT", "UPDATE", "DELETE")
NO_TABLE = Table(0, True, (), (), {})


@dataclass(frozen=True)
class Scene:
    """One run."""

    observation: Observation
    matrix: Matrix
    facts: Facts
    course: Course

    @classmethod
    def set(cls, observation: Observation, matrix: Matrix, course: Course) -> Scene:
        """Read what else rules need, and make ready to try things."""
        prepare(observation.connection)
        roles = (persona.role for persona in observation.personas.everyone)
        return cls(observation, matrix, read_facts(observation.connection, roles), course)

    def carry_out(self, attempts: Sequence[Attempt], before: Attempt = ()) -> Results:
        """Try, and take it back. What is done `before` holds for every attempt."""
        schemas = [*self.observation.personas.schemas, "public", "extensions"]
        path = ", ".join(quote(schema) for schema in dict.fromkeys(schemas))
        connection = self.observation.connection
        return carry_out(connection, path, attempts, before, course=self.course)

    # who

    @cached_property
    def clients(self) -> tuple[Persona, ...]:
        """Return those who come through the API: members and the anonymous."""
        return (*self.anonymous, *self.members)

    @cached_property
    def members(self) -> tuple[Persona, ...]:
        """Return the personas who are somebody: a user, or of an organization."""
        return tuple(
            persona
            for persona in self.observation.personas.everyone
            if (persona.sub or persona.organization) and persona.role not in MAY_BYPASS
        )

    @cached_property
    def anonymous(self) -> tuple[Persona, ...]:
        """Return the personas who are nobody."""
        return tuple(
            persona
            for persona in self.observation.personas.everyone
            if not persona.sub and not persona.organization and "anon" in persona.role
        )

    @cached_property
    def judged_members(self) -> tuple[Persona, ...]:
        """Return the members of whom it is known where they belong: where rls.toml says."""
        return tuple(p for p in self.members if p.name not in self.also_elsewhere)

    @cached_property
    def also_elsewhere(self) -> dict[str, Relation]:
        """Return, by name, who is a member where rls.toml does not say so, and what tells."""
        memberships = [
            (relation, owner, organization)
            for relation in self.observation.catalog.relations.values()
            if relation.has_places
            for owner in self.observation.ownership.owner_columns(relation)
            for organization in self.observation.ownership.organization_columns(relation)
            if self._is_membership(relation, owner)
        ]
        asking = [
            (persona, membership[0], asked(_elsewhere(persona, *membership)))
            for persona in self.members
            if persona.sub and persona.organization
            for membership in memberships
        ]
        results = self.carry_out([(step,) for *_, step in asking])
        return {
            persona.name: relation
            for (persona, relation, _), told in zip(asking, results, strict=True)
            if told and told[0].count
        }

    def _is_membership(self, relation: Relation, owner: str) -> bool:
        """Return whether a row makes a user a member: then the user is part of a key."""
        keys = (relation.primary_key, *self.table(relation).unique_keys)
        return any(owner in key for key in keys)

    # what

    @property
    def boundary(self) -> str:
        """Return what an organization is called here."""
        return (self.observation.personas.boundary or "organization_id").removesuffix("_id")

    def is_boundary(self, relation: Relation) -> bool:
        """Return whether the rows of a relation are organizations themselves."""
        columns = self.observation.ownership.organization_columns(relation)
        return bool(columns) and columns == relation.primary_key

    def belongs_to(self, relation: Relation) -> str:
        """Return to whom the rows of a relation belong, in a word; empty if to nobody."""
        if self.observation.ownership.organization_columns(relation):
            return self.boundary
        return "user" if self.observation.ownership.owner_columns(relation) else ""

    def other(self, persona: Persona, relation: Relation) -> str:
        """Return what somebody else is here: another organization, or another user."""
        bounded = Whose.ORGANIZATION in self.kinds(persona, relation)
        return f"another {self.boundary if bounded else 'user'}"

    def is_public(self, relation: Relation) -> bool:
        """Return whether the rows are shown to people who have not signed in."""
        return self.anyone_may(relation, "SELECT")

    def anyone_may(self, relation: Relation, command: Command) -> bool:
        """Return whether somebody who has not signed in was seen to do it."""
        return any(self.allowed(persona, relation, command) for persona in self.anonymous)

    @cached_property
    def relations(self) -> tuple[Relation, ...]:
        """Return what was probed, each once."""
        return tuple({one.relation.oid: one.relation for one in self.observation.observed}.values())

    def likely_in(self, function: Function) -> tuple[Relation, ...]:
        """Return the tables, those that the text of a function names first."""
        if function.oid not in self._likely:
            self._likely[function.oid] = tuple(
                sorted(
                    (relation for relation in self.relations if relation.has_places),
                    key=lambda relation: (relation.name not in function.source, relation.name),
                )
            )
        return self._likely[function.oid]

    @cached_property
    def arguments(self) -> dict[tuple[str, int, int], tuple[Step, ...]]:
        """Return the steps that prepare arguments, by persona, function and attempt, once known."""
        return {}

    def observed(self, persona: Persona, relation: Relation) -> Observed:
        """Return what was observed of one of them."""
        return self._observed[persona.name, relation.oid]

    def privileges(self, persona: Persona, relation: Relation) -> Privileges:
        """Return what the persona's role was granted."""
        return self.observation.privileges.get((persona.role, relation.oid), Privileges())

    def reads(self, persona: Persona, relation: int) -> bool:
        """Return whether the role may read any column of what has this oid, exposed or not."""
        row = self.observation.connection.execute(
            "select has_any_column_privilege(%s, %s::oid, 'select')", (persona.role, relation)
        ).fetchone()
        return bool(row and row[0])

    def table(self, relation: Relation) -> Table:
        """Return what more is known of a table; of a view, nothing."""
        return self.facts.tables.get(relation.oid, NO_TABLE)

    def allowed(self, persona: Persona, relation: Relation, command: Command) -> tuple[Cell, ...]:
        """Return the cells of what the persona was seen to do."""
        cells = self.cells(persona, relation, command)
        return tuple(cell for cell in cells if cell.outcome == "allowed")

    def cells(self, who: Persona, of: Relation | Function, command: Command) -> tuple[Cell, ...]:
        """Return the cells of what the persona tried."""
        return self._cells.get((who.name, of.full_name, command), ())

    def rows_seen(self, persona: Persona, relation: Relation) -> frozenset[int]:
        """Return the numbers of the copied rows that the persona sees; of a view, none."""
        if not relation.has_places:
            return frozenset()
        answers = self.observed(persona, relation).answers
        seen = (a.numbers for a in answers if a.question.form == "rows")
        return frozenset().union(*seen)

    def whose(self, persona: Persona, relation: Relation, kind: Whose) -> frozenset[int]:
        """Return the numbers of the copied rows that are of one kind to the persona."""
        whose = self.observed(persona, relation).rows.whose[persona.name]
        return frozenset(n for n, of in enumerate(whose, start=1) if of is kind)

    def whose_any(self, persona: Persona, relation: Relation) -> frozenset[int]:
        """Return the numbers of all the copied rows."""
        return frozenset(
            range(1, len(self.observed(persona, relation).rows.whose[persona.name]) + 1)
        )

    def kinds(self, persona: Persona, relation: Relation) -> tuple[Whose, ...]:
        """Return whose rows there can be in the relation at all."""
        return self.observed(persona, relation).kinds

    def personal(self, columns: Sequence[str]) -> tuple[str, ...]:
        """Return the columns that seem to hold what is personal."""
        return tuple(column for column in columns if PERSONAL.search(column))

    def pairs(self, personas: Sequence[Persona]) -> Iterator[tuple[Persona, Relation]]:
        """Yield each relation with each of the personas who were let look at it."""
        for relation in self.relations:
            for persona in personas:
                if (persona.name, relation.oid) in self._observed:
                    yield persona, relation

    @cached_property
    def _likely(self) -> dict[int, tuple[Relation, ...]]:
        return {}

    @cached_property
    def _observed(self) -> dict[tuple[str, int], Observed]:
        return {(one.persona.name, one.relation.oid): one for one in self.observation.observed}

    @cached_property
    def _cells(self) -> dict[tuple[str, str, Command], tuple[Cell, ...]]:
        return self.matrix.by_place()


def _elsewhere(persona: Persona, relation: Relation, owner: str, organization: str) -> str:
    sub = Literal(persona.sub).as_string(None)
    return (
        f"select count(*) from {relation.sql} as r "
        f"where r.{quote(owner)}::text = {sub} "
        f"and not r.{quote(organization)}::text {is_one_of(persona.organizations)}"
    )
