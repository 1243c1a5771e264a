"""secret-exposed: a secret comes out somewhere else: in a view, or where a trigger copied it.

every secret gets a new value --> triggers run --> as each persona, every other readable column is
searched for those values
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from psycopg.sql import Literal

from ephraim_db.rls.catalog import Relation, quote
from ephraim_db.rls.findings.attempting import Step, asked
from ephraim_db.rls.findings.candidates import Candidate, Proof
from ephraim_db.rls.findings.scene import Scene
from ephraim_db.rls.findings.secret_columns import Secret, find_secrets
from ephraim_db.rls.personas import Persona

RULE = "secret-exposed"
KNOWN = "pg_temp.known_secrets"
LONG_ENOUGH = 16
"""A stored value shorter than that may stand elsewhere by chance."""
MOST_SEARCHED = 500


def find(scene: Scene) -> Iterator[Candidate]:
    """Search, as every client, what the persona reads for every secret there is."""
    secrets = find_secrets(scene)
    if not secrets:
        return
    named = {f"{s.relation.full_name}.{s.column.name}": s for s in secrets}
    planted = plant(secrets)
    searches = [
        (persona, relation, columns)
        for persona, relation in scene.pairs(scene.clients)
        if (columns := _searched(scene, persona, relation, secrets))
    ]
    asking = [
        asked(_search(relation, columns, "string_agg(distinct s.source, ',')"), persona)
        for persona, relation, columns in searches
    ]
    (told,) = scene.carry_out([(*planted, *asking)])
    for search, answer in zip(searches, told[len(planted) :], strict=False):
        for source in (answer.answer or "").split(","):
            if source in named:
                yield _candidate(*search, named[source])


def plant(secrets: Sequence[Secret]) -> tuple[Step, ...]:
    """Return the steps after which pg_temp.known_secrets holds every secret."""
    steps = [Step("create temp table known_secrets (source text, value text) on commit drop")]
    for secret in secrets:
        relation, name = secret.relation, quote(secret.column.name)
        source = Literal(f"{relation.full_name}.{secret.column.name}").as_string(None)
        new = _new_value(secret)
        steps += [
            Step(f"update {relation.sql} set {name} = {new} where {name} is not null",
                 may_fail=True),
            Step(
                f"insert into {KNOWN} select distinct {source}, r.{name}::text "
                f"from {relation.sql} as r where length(r.{name}::text) >= {LONG_ENOUGH} limit 100",
                may_fail=True,
            ),
        ]  # fmt: skip
    return (*steps, Step(f"grant select on {KNOWN} to public"))


def _new_value(secret: Secret) -> str:
    if secret.column.type == "text" or re.match(
        r"character varying(\((\d{3,}|[4-9]\d)\))?$", secret.column.type
    ):
        return "'canary-' || gen_random_uuid()"
    return quote(secret.column.name)


def _searched(
    scene: Scene, persona: Persona, relation: Relation, secrets: Sequence[Secret]
) -> tuple[str, ...]:
    """Return the columns that are read and are no secrets themselves: those are another rule's."""
    own = {s.column.name for s in secrets if s.relation == relation}
    return tuple(
        column
        for cell in scene.allowed(persona, relation, "SELECT")
        for column in cell.columns
        if column not in own
    )


def _search(relation: Relation, columns: Sequence[str], what: str) -> str:
    told = ", ".join(f"r.{quote(column)}" for column in columns)
    return (
        f"select {what} from (select concat_ws(' ', {told}) as told "
        f"from {relation.sql} as r limit {MOST_SEARCHED}) as q "
        f"inner join {KNOWN} as s on position(s.value in q.told) > 0"
    )


def _candidate(
    persona: Persona, relation: Relation, columns: tuple[str, ...], secret: Secret
) -> Candidate:
    where = "the view" if relation.kind in ("view", "materialized") else "a copy in"
    return Candidate(
        RULE,
        "error",
        persona,
        relation.full_name,
        (secret.column.name,),
        f"{persona.name} reads {secret.relation.full_name}.{secret.column.name} through {where} "
        f"{relation.full_name}",
        f"Leave {secret.column.name} out of the view, or revoke reading it from {persona.role}."
        if where == "the view"
        else f"Let no trigger copy {secret.column.name} into {relation.full_name}.",
        (
            Proof((
                *plant([secret]),
                asked(_search(relation, columns, "count(*) as secrets_read"), persona),
            )),
        ),
    )  # fmt: skip
