"""Where sealed secrets are stored: the columns a rotation goes through.

Left out are those of xero_authorizations: they are good for ten minutes, during which senders hold
both keys.
"""

from __future__ import annotations

from dataclasses import dataclass

from psycopg import sql


@dataclass(frozen=True, slots=True)
class Holder:
    """A table of `public` whose `fields` hold envelopes, and its column that says whose they are.

    Each row has a primary key `id`, a uuid.
    """

    table: str
    organization: str
    fields: tuple[str, ...]

    @property
    def name(self) -> sql.Identifier:
        """The table as SQL."""
        return sql.Identifier("public", self.table)


# In this order: disconnecting Xero moves envelopes from the first to the second.
HOLDERS = (
    Holder("organizations", "id", ("twilio_auth_token", "xero_client_secret", "xero_token_set")),
    Holder("xero_leftovers", "organization_id", ("xero_client_secret", "xero_token_set")),
)


def _kids(holder: Holder) -> sql.Composed:
    return sql.SQL(
        "select split_part(e.envelope, ':', 3) as kid from {} as t "
        "cross join lateral unnest(array[{}]) as e (envelope) where e.envelope is not null"
    ).format(holder.name, sql.SQL(", ").join(sql.Identifier("t", f) for f in holder.fields))


# The kid of every stored secret, one row each.
STORED_KIDS = sql.SQL(" union all ").join(_kids(holder) for holder in HOLDERS)


def stale_rows(holder: Holder) -> sql.Composed:
    """Return the query for rows `after` an id that hold a secret not sealed to `kid`."""
    return sql.SQL(
        "select id, {organization}, {fields} from {table} where id > %(after)s and ({stale}) "
        "order by id limit %(size)s"
    ).format(
        organization=sql.Identifier(holder.organization),
        fields=sql.SQL(", ").join(map(sql.Identifier, holder.fields)),
        table=holder.name,
        stale=sql.SQL(" or ").join(
            sql.SQL("split_part({}, ':', 3) <> %(kid)s").format(sql.Identifier(field))
            for field in holder.fields
        ),
    )


def exchange(holder: Holder, field: str) -> sql.Composed:
    """Return the update that stores a new envelope where the old one still is."""
    return sql.SQL("update {table} set {field} = %s where id = %s and {field} = %s").format(
        table=holder.name, field=sql.Identifier(field)
    )
