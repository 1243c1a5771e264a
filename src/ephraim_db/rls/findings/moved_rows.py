"""row-moved-out: a member gives a row of the organization to another one.

USING looks at the row as it was, WITH CHECK at the row as it will be: who checks only the first
lets rows leave.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ephraim_db.rls.catalog import Relation, quote
from ephraim_db.rls.findings.attempting import Step, as_prober, asked
from ephraim_db.rls.findings.candidates import Candidate, Proof
from ephraim_db.rls.findings.fixing import compare_columns, fix_policy
from ephraim_db.rls.findings.others import note_down, others_of, rows_that_are
from ephraim_db.rls.findings.scene import Scene
from ephraim_db.rls.findings.scratch import keep_for, table_for
from ephraim_db.rls.ownership import Whose, is_one_of
from ephraim_db.rls.personas import Persona

RULE = "row-moved-out"


def find(scene: Scene) -> Iterator[Candidate]:
    """Suspect every member who may update the column that says whose a row is."""
    for persona, relation in scene.pairs(scene.judged_members):
        if persona.organization is None or scene.is_boundary(relation):
            continue
        changed = {
            column for cell in scene.allowed(persona, relation, "UPDATE") for column in cell.columns
        }
        for column in scene.observation.ownership.organization_columns(relation):
            if column in changed and relation.has_places:
                yield Candidate(
                    RULE,
                    "error",
                    persona,
                    relation.full_name,
                    (column,),
                    f"{persona.name} moves a row of {relation.full_name} to another "
                    f"{scene.boundary} by changing {column}",
                    fix_policy(
                        scene,
                        persona,
                        relation,
                        "UPDATE",
                        f"{compare_columns((column,), scene.boundary)} in WITH CHECK as well, "
                        "or revoke update of the column",
                    ),
                    tuple(
                        proofs_of_moving(scene, persona, relation, column, persona.organizations)
                    ),
                )


def proofs_of_moving(
    scene: Scene, persona: Persona, relation: Relation, column: str, homes: Sequence[str]
) -> Iterator[Proof]:
    """Yield proofs that the persona gives a row away whose column has one of the `homes`."""
    name = quote(column)
    mine = rows_that_are(scene, persona, relation, (Whose.OWN, Whose.ORGANIZATION))
    here = f"r.{name}::text {is_one_of(homes)}"
    target = table_for("target", relation)
    noted = as_prober(
        f"insert into {target} select r.* from {relation.sql} as r where not {here} limit 1"
    )
    left = asked(
        f"select count(*) - (select count(*) from {relation.sql} as r where {here}) "
        f"as rows_moved_out from {others_of(relation)}"
    )
    for where in _addresses(scene, persona, relation, mine):
        update = Step(
            f"update {relation.sql} as r set {name} = (select t.{name} from {target} as t){where}",
            persona,
        )
        yield Proof((*note_down(relation, here), keep_for("target", relation), noted, update, left))


def _addresses(scene: Scene, persona: Persona, relation: Relation, mine: str) -> Iterator[str]:
    readable = scene.privileges(persona, relation).select
    if relation.primary_key and readable.issuperset(relation.primary_key):
        keys = ", ".join(f"r.{quote(key)}" for key in relation.primary_key)
        noted = ", ".join(f"o.{quote(key)}" for key in relation.primary_key)
        for n in range(3):
            others = f"select {noted} from {others_of(relation)} as o offset {n} limit 1"
            yield f" where ({keys}) in ({others})"
    yield ""
