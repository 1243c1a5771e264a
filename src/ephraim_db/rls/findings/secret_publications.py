"""secret-published: a publication sends a secret to whoever subscribes."""

from __future__ import annotations

from collections.abc import Iterator

from psycopg.sql import Literal

from ephraim_db.rls.catalog import quote
from ephraim_db.rls.findings.attempting import asked
from ephraim_db.rls.findings.candidates import Candidate, Proof
from ephraim_db.rls.findings.scene import Scene
from ephraim_db.rls.findings.secret_columns import find_secrets

RULE = "secret-published"


def find(scene: Scene) -> Iterator[Candidate]:
    """Suspect every secret column that is among the columns of a publication."""
    for secret in find_secrets(scene):
        relation, column = secret.relation, secret.column.name
        for publication, columns in scene.table(relation).publications.items():
            if column not in columns:
                continue
            name, schema, table, told = (
                Literal(text).as_string(None)
                for text in (publication, relation.schema, relation.name, column)
            )
            yield Candidate(
                RULE,
                "warning",
                None,
                f"publication {publication}",
                (column,),
                f"publication {publication} sends {relation.full_name}.{column}: Realtime leaves "
                "it out for roles that may not read it, other subscribers get it",
                f"alter publication {quote(publication)} drop table {relation.sql}; "
                f"alter publication {quote(publication)} add table {relation.sql} "
                "(...the other columns...);",
                (
                    Proof((
                        asked(
                            "select count(*) as columns_sent "
                            "from pg_catalog.pg_publication_tables as p "
                            f"where p.pubname = {name} and p.schemaname = {schema} "
                            f"and p.tablename = {table} and {told} = any(p.attnames)"
                        ),
                    )),
                ),
            )  # fmt: skip
