"""Run the probes: one connection, one transaction, rolled back whatever happens.

catalog -> control -> empty tables filled
        -> rows copied -> for each relation: probed as everybody -> decided by which policy, trigger
                          functions called
        -> sequences asked
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import psycopg

from ephraim_db.rls.asking import prepare
from ephraim_db.rls.calls import Calls
from ephraim_db.rls.catalog import Catalog, Privileges, read_catalog, read_privileges
from ephraim_db.rls.controls import control
from ephraim_db.rls.copying import copy_rows, make_tables, no_rows
from ephraim_db.rls.deciding import decide
from ephraim_db.rls.filling import Filled, fill
from ephraim_db.rls.functions import read_functions
from ephraim_db.rls.outside import leave_untried
from ephraim_db.rls.overlapping import Work, finish_all
from ephraim_db.rls.ownership import Ownership
from ephraim_db.rls.personas import Personas
from ephraim_db.rls.prober import become_able, refuse_the_unprobeable
from ephraim_db.rls.probes import MOST_SECONDS
from ephraim_db.rls.probing import Observed, Probing
from ephraim_db.rls.rows import Rows
from ephraim_db.rls.sequences import use_sequences
from ephraim_db.rls.stopping import name_triggers
from ephraim_db.rls.uses import Use

__all__ = ["Observation", "Observed", "Progress", "observe", "observing"]

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Observation:
    """Everything observed, and what it was observed with, while the transaction is open."""

    connection: psycopg.Connection[Any]
    personas: Personas
    catalog: Catalog
    privileges: dict[tuple[str, int], Privileges]
    ownership: Ownership
    observed: tuple[Observed, ...]
    filled: Filled
    uses: tuple[Use, ...] = ()


def observe(
    connection: psycopg.Connection[Any],
    personas: Personas,
    on_progress: Progress = lambda _message: None,
) -> list[Observed]:
    """Probe as `observing` does, and roll all of it back at once."""
    with observing(connection, personas, on_progress) as observation:
        return list(observation.observed)


@contextmanager
def observing(
    connection: psycopg.Connection[Any],
    personas: Personas,
    on_progress: Progress = lambda _message: None,
    *,
    filling: bool = False,
    on_observed: Callable[[Observed], object] = lambda _observed: None,
    catalog: Catalog | None = None,
) -> Iterator[Observation]:
    """Probe every relation of the exposed schemas as every persona; afterwards, roll it all back.

    Sequences are the exception: what a default takes from one stays taken. `filling`: rows are made
    for the run where there are none. `on_observed` is handed what is known of one persona and
    relation, while Postgres works on the next. `catalog`: if it was read just now. Raises
    CannotProbe if the connection's role may not become a persona or would not see every row, and if
    a persona is one whom RLS does not hold.
    """
    with _rolled_back(connection):
        catalog = catalog or read_catalog(connection)
        relations = catalog.exposed(personas.schemas)
        refuse_the_unprobeable(connection, personas, relations)
        become_able(connection, [persona.role for persona in personas.everyone])
        privileges = read_privileges(connection, [p.role for p in personas.everyone], relations)
        functions = read_functions(connection, [p.role for p in personas.everyone])
        ownership = Ownership(catalog, personas.boundary)
        prepare(connection)
        control(connection, personas)
        if filling:
            on_progress("filling empty tables")
        filled = fill(connection, catalog, personas, ownership) if filling else Filled()
        for one in filled.unfilled:
            if one.relation not in {relation.full_name for relation in relations}:
                on_progress(f"{one.relation}: {one.reason}")
        many = f"{len(relations)} relations, to probe as {len(personas.everyone)} personas"
        on_progress(f"copying rows of {many}")
        make_tables(connection)
        copied: list[Rows] = []
        works: list[Work[list[Observed] | list[Use]]] = []
        for relation in relations:
            untried = leave_untried(catalog, functions, relation)
            rows = no_rows(relation, personas.everyone)
            if "SELECT" not in untried:
                rows = copy_rows(connection, relation, personas.everyone, ownership)
            rows = replace(rows, why_empty=filled.why_empty(relation.full_name))
            copied.append(rows)
            probing = Probing(catalog, ownership, privileges, rows, untried)
            works.append(_probed(probing, personas, on_progress, on_observed))
        works += Calls(connection, personas, catalog, functions, ownership, copied).works()
        found = [one for those in finish_all(connection, works) for one in those]
        on_progress("probing sequences")
        used = (one for one in found if isinstance(one, Use))
        yield Observation(
            connection,
            personas,
            catalog,
            privileges,
            ownership,
            tuple(one for one in found if isinstance(one, Observed)),
            filled,
            (*used, *use_sequences(connection, personas)),
        )


def _probed(
    probing: Probing,
    personas: Personas,
    on_progress: Progress,
    on_observed: Callable[[Observed], object],
) -> Work[list[Observed]]:
    """Probe a relation as everybody, and find out what decided."""
    on_progress(f"probing {probing.rows.relation.full_name}")
    observed = yield from probing.observed(personas.everyone)
    decided = yield from decide(observed, probing.ask)
    named = yield from name_triggers(decided, probing.ask)
    for one in named:
        on_observed(one)
    return named


@contextmanager
def _rolled_back(connection: psycopg.Connection[Any]) -> Iterator[None]:
    with connection.transaction(force_rollback=True):
        connection.execute(
            f"set local statement_timeout = '{MOST_SECONDS}s'; set local lock_timeout = '5s';"
            "set local row_security = on; set local client_min_messages = error;"
            # What will not be cancelled ends once nobody waits for it; not every platform can.
            "do $$ begin set local client_connection_check_interval = '1s'; "
            "exception when others then null; end $$"
        )
        yield
