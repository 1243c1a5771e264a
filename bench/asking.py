"""What is asked of the SMS log, as each persona and by hand, in SQL.

A persona asks, and policies filter. The owner of the table asks the same with the filter written by
hand: with the policy's helpers; with what these look up written out; with the ids it comes to.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import psycopg

from bench.filling import ACACIA, PARTICIPANT
from ephraim_db.sms_logs import COLUMNS

PAGE = 50
SUBS = {
    "admin": "a0000000-0000-4000-8000-000000000101",
    "worker": "a0000000-0000-4000-8000-000000000103",
    "participant": "a0000000-0000-4000-8000-000000000105",
}
LATEST, PAGE_1000, DAY, FAILED = "latest page", "page 1000", "count for a day", "filter by status"
UNNAMED = "latest page without their own filter"
_COLUMNS = ", ".join(f"m.{column}" for column in COLUMNS)
_PAGE_OF = f"""
select {_COLUMNS}
from public.sms_logs as m
where {{conditions}}
order by m.created_at desc, m.id desc
limit {PAGE}
"""
_COUNT = "select count(*) from public.sms_logs as m where {conditions}"
# The last row of page 999; of fewer pages, of the last but one.
_BEGINS = f"""
select m.created_at, m.id
from public.sms_logs as m
where {{conditions}}
order by m.created_at desc, m.id desc
offset (
    select greatest(count(*) - {PAGE} - 1, 0)
    from (select from public.sms_logs as m where {{conditions}} limit {1000 * PAGE}) as r
)
limit 1
"""
_BY_HELPERS = """m.organization_id = (select private.member_organization_id()) and (
    (select private.is_staff()) or m.related_participant_id = (select private.own_participant_id())
)"""
_BY_LOOKUPS = """m.organization_id = (
    select p.organization_id from public.profiles as p where p.id = '{sub}' and p.is_active
) and (
    (
        select p.role in ('admin', 'coordinator', 'worker')
        from public.profiles as p
        where p.id = '{sub}' and p.is_active
    )
    or m.related_participant_id = (
        select q.id
        from public.profiles as p
        inner join public.participants as q
            on p.organization_id = q.organization_id and p.id = q.profile_id
        where p.id = '{sub}' and p.is_active
    )
)"""
_PARTICIPANT = """(m.organization_id, m.related_participant_id) = (
    select q.organization_id, q.id
    from public.profiles as p
    inner join public.participants as q
        on p.organization_id = q.organization_id and p.id = q.profile_id
    where p.id = '{sub}' and p.is_active
)"""


@dataclass(frozen=True, slots=True)
class Asked:
    """One query: as the persona, and three times as the owner."""

    query: str
    persona: str
    by_policy: str
    by_helpers: str
    by_lookups: str
    by_ids: str


def asked(owner: psycopg.Connection) -> Iterator[Asked]:
    """Yield each query of each persona; `owner` looks where page 1000 begins."""
    for persona, sub in SUBS.items():
        known, named = f"m.organization_id = '{ACACIA}'", "true"
        if persona == "participant":
            named = f"m.related_participant_id = '{PARTICIPANT}'"
            known = f"{known} and {named}"
        for query, (form, condition) in _queries(owner, known).items():
            filters = (
                named,
                f"{named} and {_BY_HELPERS}",
                f"{named} and {_BY_LOOKUPS.format(sub=sub)}",
                known,
            )
            yield Asked(
                query, persona, *(form.format(conditions=f"{f} and {condition}") for f in filters)
            )
        if persona == "participant":
            filters = ("true", _BY_HELPERS, _PARTICIPANT.format(sub=sub), known)
            pages = (_PAGE_OF.format(conditions=f) for f in filters)
            yield Asked(UNNAMED, persona, *pages)


def _beyond(created_at: object, message: object) -> str:
    return f"(m.created_at < '{created_at}' or m.id < '{message}')"


def _queries(owner: psycopg.Connection, known: str) -> dict[str, tuple[str, str]]:
    last = owner.execute(_BEGINS.format(conditions=known).encode()).fetchone()
    created_at, message = last or ("infinity", "ffffffff-ffff-ffff-ffff-ffffffffffff")
    return {
        LATEST: (_PAGE_OF, "true"),
        PAGE_1000: (
            _PAGE_OF,
            # As the client asks, by way of PostgREST, which compares no rows.
            f"m.created_at <= '{created_at}' and {_beyond(created_at, message)}",
        ),
        DAY: (_COUNT, "m.created_at >= '2026-10-01' and m.created_at < '2026-10-02'"),
        FAILED: (_PAGE_OF, "m.status = 'failed'"),
    }
