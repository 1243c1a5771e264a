"""Judge mutants by the contract: break, probe what can be affected, stop at the first difference.

Observation (everything probed once, the transaction open)
     |--mutant in a savepoint--> relations it can affect, persona by persona --> Judgement
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import psycopg

from ephraim_db.rls.calls import Calls
from ephraim_db.rls.catalog import Relation, read_privileges
from ephraim_db.rls.contract import Facts, facts_of, tell_differences
from ephraim_db.rls.functions import read_functions
from ephraim_db.rls.matrix import build_matrix
from ephraim_db.rls.mutants.breaking import break_everything
from ephraim_db.rls.mutants.mutant import Mutant
from ephraim_db.rls.mutants.reach import Reach
from ephraim_db.rls.mutants.reading import read_targets
from ephraim_db.rls.mutants.targets import Targets
from ephraim_db.rls.observing import Observation
from ephraim_db.rls.overlapping import finish
from ephraim_db.rls.personas import Persona, Personas
from ephraim_db.rls.probing import Observed, Probing
from ephraim_db.rls.sequences import use_sequences
from ephraim_db.rls.unnoticed import Unnoticed
from ephraim_db.rls.uses import Use

Result = Literal["killed", "survived", "equivalent", "accepted", "left", "stillborn"]
FIRST = (1, 3)
"""So many personas are asked first, and then; the rest at once. Most mutants die at the first."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What became of a mutant, and why: the difference, what would show one, or why none can be.

    One that is accepted went unnoticed, and rls.toml says why that is right; one that is left, that
    a command has to notice it. One that is stillborn Postgres refused to make.
    """

    mutant: Mutant
    result: Result
    why: str


class Judge:
    """Everything observed once, to compare with."""

    def __init__(self, observation: Observation) -> None:
        """Read what there is to break; nothing is broken yet."""
        self._observation = observation
        connection, personas = observation.connection, observation.personas
        self._roles = [persona.role for persona in personas.everyone]
        functions = read_functions(connection, self._roles)
        self.targets: Targets = read_targets(connection, personas, observation.catalog, functions)
        self.mutants: tuple[Mutant, ...] = tuple(
            break_everything(self.targets, observation.privileges)
        )
        self._reach = Reach(self.targets)
        self._first: dict[int, Observed] = {}
        self._agreed: dict[tuple[str, str], Facts] = {}
        for one in observation.observed:
            self._first.setdefault(one.relation.oid, one)
            self._agreed[one.relation.full_name, one.persona.name] = _facts(one)
        self._uses: dict[tuple[str, str, str], Facts] = {}
        for use in observation.uses:
            self._uses[use.name, use.persona, use.command] = _facts_of_use(use, personas)
        self._callable = {
            oid: function
            for oid, function in functions.by_oid.items()
            if any(function.full_name == name for name, _, _ in self._uses)
        }
        self._kills: Counter[str] = Counter()

    def judge(self, mutant: Mutant, *, proofs: bool = True) -> Judgement:
        """Make it, look, and undo it. Where there is a proof and `proofs` count, do not look."""
        if proofs and mutant.equivalent is not None:
            return Judgement(mutant, "equivalent", mutant.equivalent)
        connection = self._observation.connection
        with connection.transaction(force_rollback=True):
            try:
                with connection.transaction():
                    connection.execute(mutant.sql.encode())
            except psycopg.Error as error:
                said = error.diag.message_primary or "no reason given"
                return Judgement(mutant, "stillborn", f"Postgres says: {said}")
            difference = next(self._differences(mutant), None)
        if difference is not None:
            return Judgement(mutant, "killed", difference)
        if mutant.equivalent is not None:
            return Judgement(mutant, "equivalent", mutant.equivalent)
        survived = Judgement(mutant, "survived", self._wanted(mutant))
        return accepted(survived, self._observation.personas.unnoticed)

    def _differences(self, mutant: Mutant) -> Iterator[str]:
        everyone = self._observation.personas
        for oid in self._reach.of(mutant):
            if oid in self._first:
                yield from self._differences_in(self._first[oid].relation, mutant)
            elif oid in self._callable:
                calls = self._calls(mutant)
                yield from self._differing_uses(calls.uses_of(calls.functions.by_oid[oid]))
        if mutant.sequences:
            yield from self._differing_uses(use_sequences(self._observation.connection, everyone))

    def _differing_uses(self, uses: Iterable[Use]) -> Iterator[str]:
        for use in uses:
            agreed = self._uses[use.name, use.persona, use.command]
            facts = _facts_of_use(use, self._observation.personas)
            if facts != agreed:
                yield tell_differences(agreed, facts)[0].message

    def _differences_in(self, relation: Relation, mutant: Mutant) -> Iterator[str]:
        probing = self._probing(relation, mutant)
        for personas in _batches(self._noticing(mutant)):
            for one in finish(self._observation.connection, probing.observed(personas)):
                agreed = self._agreed[relation.full_name, one.persona.name]
                if (facts := _facts(one)) != agreed:
                    self._kills[one.persona.name] += 1
                    yield tell_differences(agreed, facts)[0].message

    def _calls(self, mutant: Mutant) -> Calls:
        seen, functions = self._observation, self.targets.functions
        if mutant.functions:
            functions = read_functions(seen.connection, self._roles)
        rows = [one.rows for one in self._first.values()]
        return Calls(seen.connection, seen.personas, seen.catalog, functions, seen.ownership, rows)

    def _probing(self, relation: Relation, mutant: Mutant) -> Probing:
        first, seen = self._first[relation.oid], self._observation
        privileges = seen.privileges
        if mutant.grants:
            privileges = read_privileges(seen.connection, self._roles, [relation])
        return Probing(seen.catalog, seen.ownership, privileges, first.rows, first.untried)

    def _noticing(self, mutant: Mutant) -> list[Persona]:
        """Return who may notice, those first who have noticed most."""
        everyone = self._observation.personas.everyone
        able = [p for p in everyone if mutant.roles is None or p.role in mutant.roles]
        return sorted(able, key=lambda persona: -self._kills[persona.name])

    def _wanted(self, mutant: Mutant) -> str:
        if not self._noticing(mutant):
            roles = ", ".join(sorted(mutant.roles or ()))
            return f"a persona that acts as {roles}; then {mutant.wanted}"
        return mutant.wanted


def accepted(judgement: Judgement, unnoticed: Sequence[Unnoticed]) -> Judgement:
    """Return the judgement; accepted, or left, if it survived and rls.toml says why."""
    if judgement.result == "survived":
        for known in unnoticed:
            if known.holds_for(judgement.mutant.title):
                result: Result = "left" if known.against else "accepted"
                return Judgement(judgement.mutant, result, known.reason)
    return judgement


def _facts(one: Observed) -> Facts:
    return facts_of(build_matrix([one.persona], [one]))


def _facts_of_use(use: Use, personas: Personas) -> Facts:
    return facts_of(build_matrix([personas[use.persona]], [], [use]))


def _batches(personas: Sequence[Persona]) -> Iterator[Sequence[Persona]]:
    at = 0
    for size in (*FIRST, len(personas)):
        if batch := personas[at : at + size]:
            yield batch
        at += size
