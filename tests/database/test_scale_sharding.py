"""docs/scale.md says of every key whether it carries the organization, and tells the truth."""

from __future__ import annotations

import re

import psycopg
from tests.supabase_cli import ROOT

_KEYS = """
select c.conname, array_agg(a.attname order by k.place)
from pg_constraint as c
cross join unnest(c.conkey) with ordinality as k (attnum, place)
inner join pg_attribute as a on a.attrelid = c.conrelid and a.attnum = k.attnum
where c.connamespace = 'public'::regnamespace and c.contype in ('p', 'u', 'f')
group by c.conname
union all
select i.indexrelid::regclass::name, array_agg(a.attname order by k.place)
from pg_index as i
inner join pg_class as c on c.oid = i.indrelid and c.relnamespace = 'public'::regnamespace
cross join unnest(i.indkey) with ordinality as k (attnum, place)
inner join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = k.attnum
where i.indisunique and not exists (select from pg_constraint where conindid = i.indexrelid)
group by i.indexrelid
"""


def told() -> dict[str, tuple[list[str], bool, str]]:
    """What the table says of each key: its columns, whether it carries it, and what it takes."""
    text = (ROOT / "docs" / "scale.md").read_text("utf-8")
    rows = re.findall(r"^\| `(\w+)` \| ([\w, ]+) \| (yes|no) \|(.*)\|$", text, re.M)
    return {name: (cols.split(", "), yes == "yes", why.strip()) for name, cols, yes, why in rows}


def test_every_key_is_told_with_its_columns(database: str) -> None:
    with psycopg.connect(database) as owner:
        keys: dict[str, list[str]] = dict(owner.execute(_KEYS).fetchall())

    assert {name: columns for name, (columns, _, _) in told().items()} == keys


def test_a_key_carries_the_organization_if_and_only_if_the_page_says_so() -> None:
    for name, (columns, carries, why) in told().items():
        assert carries == ("organization_id" in columns or name == "organizations_pkey"), name
        assert carries or why, f"{name}: the page does not say why not"


def test_a_foreign_key_that_sets_null_is_told_to_be_in_the_way(database: str) -> None:
    with psycopg.connect(database) as owner:
        (nulling,) = owner.execute(
            "select array_agg(conname::text) from pg_constraint "
            "where contype = 'f' and confdeltype in ('n', 'd') "
            "and connamespace = 'public'::regnamespace"
        ).fetchone() or ([],)

    assert sorted(nulling) == sorted(name for name, (_, _, why) in told().items() if "null" in why)
