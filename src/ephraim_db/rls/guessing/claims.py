"""Where policies take somebody's organization from their token: the claims that carry it."""

from __future__ import annotations

import re
from typing import Any

import psycopg

from ephraim_db.rls.guessing.boundary import CERTAIN, USUAL

_METADATA = re.compile(
    r"'app_metadata'(?:::text)?\)*\s*->>?\s*'(\w+)'|'\{app_metadata,\s*(\w+)\}'", re.IGNORECASE
)
_TOP = re.compile(r"jwt\(\)(?: AS jwt)?\)*(?:::jsonb?)?\)*\s*->>?\s*'(\w+)'", re.IGNORECASE)
_TEXTS = """
select coalesce(p.qual, '') || ' ' || coalesce(p.with_check, '') from pg_catalog.pg_policies as p
union all
select p.prosrc from pg_catalog.pg_proc as p
inner join pg_catalog.pg_namespace as n on p.pronamespace = n.oid
where n.nspname !~ '^(pg_|information_schema|auth$|extensions$)' and p.prosrc ~* 'jwt'
"""


def claims_for(
    connection: psycopg.Connection[Any], boundary: str, organization: str
) -> dict[str, Any]:
    """Return the claims that say to policies of this database who is of `organization`."""
    known = {boundary, *CERTAIN, *USUAL}
    text = "\n".join(str(row[0]) for row in connection.execute(_TEXTS))
    inner = {first or second for first, second in _METADATA.findall(text)} & known
    claims: dict[str, Any] = dict.fromkeys(sorted(set(_TOP.findall(text)) & known), organization)
    if inner:
        claims["app_metadata"] = dict.fromkeys(sorted(inner), organization)
    return claims
