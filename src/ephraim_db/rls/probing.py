"""Probe one relation as everybody: what was not granted, once a role; the rest in two rounds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from ephraim_db.rls.asking import Act, Answers, Stuck, asking
from ephraim_db.rls.catalog import Catalog, Privileges, Relation, quote
from ephraim_db.rls.outside import Untried
from ephraim_db.rls.overlapping import Work
from ephraim_db.rls.ownership import Ownership, Whose
from ephraim_db.rls.personas import Persona
from ephraim_db.rls.probes import Answer, Command
from ephraim_db.rls.rows import Rows
from ephraim_db.rls.table_probes import TableProbes
from ephraim_db.rls.view_probes import ViewProbes

if TYPE_CHECKING:
    from ephraim_db.rls.verdicts import Verdict

INSUFFICIENT_PRIVILEGE = "42501"


Decided = Mapping[tuple[Command, str, Whose | None], str]
"""The policies that decided, by command, outcome and reach."""
Stopped = Mapping[tuple[Command, str], str]
"""The triggers that stopped a command, by command and column."""


@dataclass(frozen=True, slots=True)
class Observed:
    """What one persona could do with one relation. `kinds`: whose rows there can be at all.

    `untried` says why a command was left alone; `verdicts` are those that `judge` came to already.
    """

    persona: Persona
    relation: Relation
    privileges: Privileges
    rows: Rows
    kinds: tuple[Whose, ...]
    answers: tuple[Answer, ...]
    untried: Untried = field(default_factory=dict)
    decided: Decided = field(default_factory=dict)
    stopped: Stopped = field(default_factory=dict)
    verdicts: dict[Command, dict[str, Verdict]] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class Probing:
    """What it takes to probe one relation; its rows are copied."""

    catalog: Catalog
    ownership: Ownership
    privileges: Mapping[tuple[str, int], Privileges]
    rows: Rows
    untried: Untried

    def observed(self, personas: Sequence[Persona]) -> Work[list[Observed]]:
        """Return what each persona could do, in their order."""
        relation = self.rows.relation
        answers: Answers = [() for _ in personas]
        if not self.rows.failure and "SELECT" not in self.untried:
            answers = yield from self._ask_everyone(personas)
        return [
            Observed(
                persona,
                relation,
                self._granted(persona),
                self.rows,
                self.ownership.kinds(relation, persona),
                told,
                self.untried,
            )
            for persona, told in zip(personas, answers, strict=True)
        ]

    def _ask_everyone(self, personas: Sequence[Persona]) -> Work[Answers]:
        people = [self._probes(persona) for persona in personas]
        by_role = {one.persona.role: one for one in reversed(people)}
        refusals = (Act(one.persona, tuple(one.refusals())) for one in by_role.values())
        truncations = (Act(one.persona, tuple(one.truncations())) for one in by_role.values())
        firsts = (Act(one.persona, tuple(one.first_round())) for one in people)
        told = iter((yield from self.ask((*refusals, *truncations, *firsts))))
        refused = {role: next(told) for role in by_role}
        truncated = {role: next(told) for role in by_role}
        first = list(told)
        second = yield from self.ask(
            Act(one.persona, tuple(one.second_round(answers)))
            for one, answers in zip(people, first, strict=True)
        )
        again = yield from self._refused_otherwise(people, refused)
        return [
            (
                *again.get(one.persona.name, refused[one.persona.role]),
                *truncated[one.persona.role],
                *first[at],
                *second[at],
            )
            for at, one in enumerate(people)
        ]

    def _refused_otherwise(
        self,
        people: Sequence[TableProbes | ViewProbes],
        refused: Mapping[str, tuple[Answer, ...]],
    ) -> Work[dict[str, tuple[Answer, ...]]]:
        """Ask each persona of a role, by name, where what it lacks was not simply refused."""
        doubted = [
            one
            for one in people
            if any(a.sqlstate != INSUFFICIENT_PRIVILEGE for a in refused[one.persona.role])
        ]
        answers = yield from self.ask(Act(one.persona, tuple(one.refusals())) for one in doubted)
        return {one.persona.name: found for one, found in zip(doubted, answers, strict=True)}

    def ask(self, acts: Iterable[Act]) -> Work[Answers]:
        """Return the answers to acts on this relation."""
        return asking(self.rows.relation.schema, acts, self._stuck)

    @cached_property
    def _stuck(self) -> set[Stuck]:
        return set()

    def _probes(self, persona: Persona) -> TableProbes | ViewProbes:
        relation, granted = self.rows.relation, self._granted(persona)
        if not relation.has_places:
            return ViewProbes(persona, self.rows, granted, self.ownership)
        return TableProbes(
            persona, self.rows, granted, self.ownership, self._bonds, writes=not self.untried
        )

    @cached_property
    def _bonds(self) -> str:
        """Return the SQL that unties what points at the relation."""
        return " ".join(
            f"alter table {other.sql} drop constraint {quote(key.name)};"
            for other, key in self.catalog.pointing_at(self.rows.relation)
            if not key.inherited
        )

    def _granted(self, persona: Persona) -> Privileges:
        return self.privileges.get((persona.role, self.rows.relation.oid), Privileges())
