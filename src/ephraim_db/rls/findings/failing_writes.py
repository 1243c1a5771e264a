"""policy-fails, of INSERT, UPDATE and DELETE: USING or WITH CHECK raises instead of answering.

42P17, 21000   the statement fails again where no trigger could have raised it
42501          it fails although it asks for no row, since a policy reads what the role may not; or,
               where a function does, it passes once the role may read that
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ephraim_db.rls.catalog import Relation, quote
from ephraim_db.rls.findings.attempting import Step
from ephraim_db.rls.findings.candidates import Candidate, Proof
from ephraim_db.rls.findings.facts import Policy
from ephraim_db.rls.findings.failing_policies import (
    MEANING,
    NO_PRIVILEGE,
    RECURSION,
    RULE,
    TWO_ROWS,
    fix_lookup,
    severity_of,
)
from ephraim_db.rls.findings.others import note_down, others_of, rows_that_are
from ephraim_db.rls.findings.proving import MOST_COLUMNS, fresh, insert_choices
from ephraim_db.rls.findings.scene import WRITES, Scene
from ephraim_db.rls.personas import Persona
from ephraim_db.rls.probes import Command

VERBS = {"INSERT": "add to", "UPDATE": "change rows of", "DELETE": "remove rows of"}


def find(scene: Scene) -> Iterator[Candidate]:
    """Suspect every write that only ended in errors although it is granted."""
    for persona, relation in scene.pairs(scene.clients):
        if not relation.has_places:
            continue
        reading = {cell.sqlstate for cell in scene.cells(persona, relation, "SELECT")}
        for command in WRITES:
            for state in _states(scene, persona, relation, command):
                if state in reading:
                    continue
                policies = _asked(scene, persona, relation, command)
                lookups = _lookups(scene, persona, policies) if state == NO_PRIVILEGE else ()
                if state == NO_PRIVILEGE and not lookups:
                    continue
                yield Candidate(
                    RULE,
                    severity_of(scene, persona, state),
                    persona,
                    relation.full_name,
                    (),
                    f"{persona.name} cannot {VERBS[command]} {relation.full_name}: "
                    f"{MEANING[state]} (SQLSTATE {state})",
                    fix_lookup(policies, [lookup.full_name for lookup in lookups], state),
                    tuple(_proofs(scene, persona, relation, command, state, lookups)),
                )


def _states(scene: Scene, persona: Persona, relation: Relation, command: Command) -> Iterator[str]:
    """Yield the SQLSTATEs that may be of a policy that failed, where nothing got through."""
    cells = scene.cells(persona, relation, command)
    outcomes = {cell.outcome for cell in cells}
    if "allowed" not in outcomes:
        raised = {cell.sqlstate for cell in cells}
        yield from (state for state in (RECURSION, TWO_ROWS) if state in raised)
        if "refused_by_policy" in outcomes:
            yield NO_PRIVILEGE


def _asked(
    scene: Scene, persona: Persona, relation: Relation, command: Command
) -> tuple[Policy, ...]:
    """Return the policies, restrictive ones too, that a command of the persona asks."""
    return tuple(
        policy
        for policy in scene.facts.policies
        if policy.relation == relation.oid
        and policy.command in (command, "ALL")
        and {persona.role, "public"} & {*policy.roles}
    )


def _lookups(scene: Scene, persona: Persona, policies: Sequence[Policy]) -> tuple[Relation, ...]:
    """Return what policies read, themselves or by functions with the caller's rights, and may not.

    Those that the catalog says the role has no privilege on.
    """
    catalog = scene.observation.catalog.relations
    called = {oid for policy in policies for oid in policy.calls} & scene.facts.functions.keys()
    as_caller = (oid for oid in called if not scene.facts.functions[oid].definer)
    read = scene.facts.named_in(as_caller, catalog.values())
    read = read.union(*(policy.reads for policy in policies))
    return tuple(
        catalog[oid] for oid in sorted(read) if oid in catalog and not scene.reads(persona, oid)
    )


def _proofs(
    scene: Scene,
    persona: Persona,
    relation: Relation,
    command: Command,
    state: str,
    lookups: Sequence[Relation],
) -> Iterator[Proof]:
    silenced = Step(f"alter table {relation.sql} disable trigger user")
    policies = _asked(scene, persona, relation, command)
    direct = {oid for policy in policies for oid in policy.reads} & {one.oid for one in lookups}
    grants = [Step(f"grant select on {one.sql} to {quote(persona.role)}") for one in lookups]
    for before, sql in _statements(scene, persona, relation, command):
        write = Step(sql, persona)
        if state != NO_PRIVILEGE:
            quiet = (silenced,) if scene.table(relation).trigger_functions else ()
            yield Proof((*before, *quiet, write), state)
        elif direct:
            yield Proof((*before, replace(write, sql=f"{sql} where false")), state)
        else:
            failing = replace(write, may_fail=True, undone=True)
            yield Proof((*before, failing, *grants, write))


def _statements(
    scene: Scene, persona: Persona, relation: Relation, command: Command
) -> Iterator[tuple[tuple[Step, ...], str]]:
    """Yield what must be done before, and a write that reads nothing: SELECT is not asked."""
    granted = scene.privileges(persona, relation)
    if command == "DELETE":
        yield (), f"delete from {relation.sql}"
        return
    if command == "UPDATE":
        names = [c.name for c in relation.columns if c.written and c.name in granted.update]
        names.sort(key=lambda name: name in relation.primary_key)
        for name in map(quote, names[:MOST_COLUMNS]):
            setting = f"{name} = (select o.{name} from {others_of(relation)} as o)"
            yield note_down(relation, "true", 1), f"update {relation.sql} set {setting}"
        return
    for columns in insert_choices(scene, relation, granted.insert):
        listed = ", ".join(quote(column.name) for column in columns)
        values = ", ".join(fresh(relation, column) for column in columns)
        add = (
            f"insert into {relation.sql} ({listed}) select {values} from {others_of(relation)} as o"
        )
        for kind in scene.kinds(persona, relation):
            theirs = rows_that_are(scene, persona, relation, (kind,))
            yield note_down(relation, theirs, 1), add
