"""write-reaches-nothing: rows may be changed or removed, but no WHERE finds them.

A statement with a WHERE reads, so the SELECT policies hold as well; without one that shows the row,
an UPDATE or DELETE by id touches nothing, and raises nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from ephraim_db.rls.catalog import Relation, quote
from ephraim_db.rls.findings.attempting import Step, asked
from ephraim_db.rls.findings.candidates import Candidate, Proof
from ephraim_db.rls.findings.others import note_down, others_of, rows_that_are
from ephraim_db.rls.findings.scene import Scene
from ephraim_db.rls.ownership import Whose
from ephraim_db.rls.personas import Persona
from ephraim_db.rls.probes import Command

RULE = "write-reaches-nothing"
VERBS: dict[Command, str] = {"UPDATE": "change", "DELETE": "remove"}


def find(scene: Scene) -> Iterator[Candidate]:
    """Suspect every member who was seen to write what the same persona does not see."""
    for persona, relation in scene.pairs(scene.members):
        keys = relation.primary_key
        if (
            not relation.has_places
            or not keys
            or not scene.privileges(persona, relation).select.issuperset(keys)
            or scene.allowed(persona, relation, "SELECT")
        ):
            continue
        for command, verb in VERBS.items():
            cells = scene.allowed(persona, relation, command)
            if cells:
                columns = cells[0].columns
                yield Candidate(
                    RULE,
                    "warning",
                    persona,
                    relation.full_name,
                    columns,
                    f"{persona.name} may {verb} rows of {relation.full_name}, but {command} with a "
                    "WHERE finds none: no SELECT policy shows them",
                    "Add a policy for select that shows the rows to who may write them.",
                    tuple(_proofs(scene, persona, relation, command, columns)),
                )


def _proofs(
    scene: Scene, persona: Persona, relation: Relation, command: Command, columns: tuple[str, ...]
) -> Iterator[Proof]:
    nearest, *_ = scene.kinds(persona, relation)
    kinds = {nearest, Whose.OWN, Whose.ORGANIZATION} & {*scene.kinds(persona, relation)}
    mine = " or ".join(rows_that_are(scene, persona, relation, (kind,)) for kind in sorted(kinds))
    keys = ", ".join(f"r.{quote(key)}" for key in relation.primary_key)
    noted = ", ".join(f"o.{quote(key)}" for key in relation.primary_key)
    where = f"where ({keys}) in (select {noted} from {others_of(relation)} as o)"
    left = asked(
        f"select count(*) as rows_not_found from {others_of(relation)} as o where exists ("
        f"select from {relation.sql} as r "
        "where r.tableoid = o.their_table and r.ctid = o.their_place)"
    )
    if command == "DELETE":
        attempts = [f"delete from {relation.sql} as r {where}"]
    else:
        attempts = [
            f"update {relation.sql} as r set {quote(column)} = r.{quote(column)} {where}"
            for column in columns
        ]
    for sql in attempts:
        yield Proof((*note_down(relation, mine), Step(sql, persona), left))
