"""Files in Storage: one of each person in each bucket, in the folders that policies often want.

storage.objects.name is <user>/... or <organization>/...
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from psycopg.sql import Literal

from ephraim_db.rls.catalog import Relation
from ephraim_db.rls.filling.drafts import Draft

MOST_BUCKETS = 8


def is_of_files(table: Relation) -> bool:
    """Return whether a table is the one that Storage lists files in."""
    return (table.schema, table.name) == ("storage", "objects")


def in_each_bucket(draft: Draft, buckets: int) -> Iterator[Draft]:
    """Yield a row in each bucket, in a folder of the person's and in one of the organization's."""
    folders = [f for f in (draft.persona.sub, draft.persona.organization) if f]
    for offset in range(min(buckets, MOST_BUCKETS)):
        bucket = f"(select b.id from storage.buckets as b order by b.id offset {offset} limit 1)"
        for folder in folders:
            name = Literal(f"{folder}/made.txt").as_string(None)
            choices = {**draft.choices, "bucket_id": (bucket,), "name": (name,)}
            yield replace(draft, choices=choices, chosen={})
