"""Where sealed secrets are stored: the columns a rotation goes through."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from psycopg import sql

from ephraim_db.sealing import Place


@dataclass(frozen=True, slots=True)
class Holder:
    """A table of `public` whose `fields` hold envelopes, and its column that says whose they are.

    Each row has a primary key `id`, a uuid. It outlives its envelopes, or is worthless without.
    """

    table: str
    organization: str
    fields: tuple[str, ...]
    outlives: bool = False

    def place(self, organization_id: UUID, field: str) -> Place:
        """Return where the secret in `field` belongs, as whoever sealed it said."""
        provider = "twilio" if field.startswith("twilio_") else "xero"
        return Place(organization_id, provider, field)

    @property
    def name(self) -> sql.Identifier:
        """The table as SQL."""
        return sql.Identifier("public", self.table)


# In this order: envelopes move from the first two to the last. One that is missed on its way is
# counted before its key retires.
HOLDERS = (
    Holder(
        "organizations",
        "id",
        ("twilio_auth_token", "xero_client_secret", "xero_token_set"),
        outlives=True,
    ),
    Holder("xero_authorizations", "organization_id", ("code_verifier", "xero_token_set")),
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


def discard(holder: Holder, field: str) -> sql.Composed:
    """Return the statement that does away with an envelope, where the old one still is."""
    clear = "update {table} set {field} = null" if holder.outlives else "delete from {table}"
    return sql.SQL(clear + " where id = %s and {field} = %s").format(
        table=holder.name, field=sql.Identifier(field)
    )
