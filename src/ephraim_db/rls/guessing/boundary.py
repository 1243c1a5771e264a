"""Which column says whose customer's row it is: by its name, and by the memberships there are."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ephraim_db.rls.catalog import Catalog, Relation
from ephraim_db.rls.ownership import Ownership

CERTAIN = ("organization_id", "organisation_id", "org_id", "tenant_id")
"""Names that mean it, even where no foreign key says so."""
USUAL = (
    *("workspace_id", "team_id", "company_id", "account_id", "business_id", "agency_id"),
    *("clinic_id", "practice_id", "school_id", "church_id", "club_id", "household_id"),
    *("family_id", "shop_id", "store_id", "restaurant_id", "property_id", "community_id"),
    *("empresa_id", "customer_id", "client_id", "group_id"),
)
MEMBERS = re.compile(r"member|_users?$|^user_|staff|employee|collaborator|profile", re.I)


def guess_boundary(catalog: Catalog, tables: Iterable[Relation]) -> str | None:
    """Return the likeliest boundary column of `tables`, or None if rows only have owners."""
    there = list(tables)
    ownership = Ownership(catalog, None)
    scores = {
        column: score
        for column in {column for table in there for column in table.column_names}
        if (score := _score(column, there, catalog, ownership))
    }
    return max(scores, key=lambda column: (scores[column], column), default=None)


def _score(
    column: str, tables: list[Relation], catalog: Catalog, ownership: Ownership
) -> tuple[int, ...] | None:
    """Return how likely a column is: a name that is certain, with members, in many tables."""
    having = [table for table in tables if column in table.column_names]
    targets = {
        key.target for table in having for key in table.foreign_keys if key.columns == (column,)
    }
    if any(_is_person(oid, catalog) for oid in targets):
        return None
    members = [table for table in having if is_membership(table, column, ownership)]
    if column in CERTAIN:
        if len(having) + 2 * bool(members) < 2:
            return None
        return 2, bool(members), len(having), -CERTAIN.index(column)
    if not targets or len(having) < 2:
        return None
    if column in USUAL and members:
        return 1, 1, len(having), -USUAL.index(column)
    named = [table for table in members if MEMBERS.search(table.name)]
    if named and column.endswith("_id") and len(having) > 2:
        return 0, 1, len(having), 0
    return None


def is_membership(table: Relation, column: str, ownership: Ownership) -> bool:
    """Return whether a table says which users are of what `column` names."""
    owners = [owner for owner in ownership.owner_columns(table) if owner != column]
    if not owners or column not in table.column_names:
        return False
    unique = {c.name for c in table.columns if c.is_unique} | set(table.primary_key)
    return bool(MEMBERS.search(table.name)) or (
        column in unique and any(owner in unique for owner in owners)
    )


def _is_person(oid: int, catalog: Catalog) -> bool:
    """Return whether a table holds users or their profiles, a row each."""
    table = catalog.relations.get(oid)
    if table is None:
        return False
    users = catalog.named("auth", "users")
    if users is not None and table.oid == users.oid:
        return True
    return any(
        users is not None and key.target == users.oid and key.columns == table.primary_key
        for key in table.foreign_keys
    )
