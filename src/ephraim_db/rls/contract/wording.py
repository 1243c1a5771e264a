"""The sentences that differences are told in.

worker may now read organizations.api_key of the whole organization
ann and bob may no longer delete notes (agreed: of their own rows)
notes.headline is new, with the access that notes.title had, which is gone
"""

from __future__ import annotations

from collections.abc import Sequence

from ephraim_db.rls.contract.comparing import Difference
from ephraim_db.rls.contract.facts import TO, Actor, Thing
from ephraim_db.rls.contract.renames import Rename
from ephraim_db.rls.contract.sentences import KINDS, verb, with_article

REACH = {"none": 1, "own": 2, "organization": 3, "all": 4}
STOPPED = {"hidden": "no row is reached", "refused_by_policy": "a policy or trigger refuses"}
MOST_NAMED = 6
"""So many columns are named in a sentence; of more, the first ones, and how many there are."""


def word_access(
    personas: Sequence[str],
    command: str,
    relation: str,
    columns: Sequence[str],
    before: str,
    after: str,
) -> str:
    """Say what they may do now; `before` and `after` are results, empty if not granted."""
    several = len(personas) > 1
    about = f"{verb(command)} {_target(command, relation, columns)}"
    agreed = f" (agreed: {_result(before, several=several)})" if before else ""
    return f"{listed(personas)} {_now(before, after, about, several=several)}{agreed}"


def word_doubt(
    personas: Sequence[str], command: str, relation: str, reason: str, *, is_new: bool
) -> str:
    """Say that it is not known how far they may go, or is known now."""
    may = f"how far {listed(personas)} may {verb(command)} {short(relation)}"
    if is_new:
        return f"it is not proven {may}: {reason}"
    return f"it is proven now {may} (agreed as unproven: {reason})"


def word_actor(one: Difference) -> str:
    """Say what became of a persona."""
    match one:
        case Difference(None, Actor(persona, role)):
            return f"{persona} is a new persona, acting as {role}"
        case Difference(Actor(persona, before), Actor(_, after)):
            return f"{persona} acts as {after} now (agreed: {before})"
        case _:
            return f"persona {getattr(one.before, 'persona', '')} is gone"


def word_thing(one: Difference) -> str:
    """Say what became of a relation."""
    match one:
        case Difference(None, Thing(relation, kind)):
            return f"{short(relation)} is a new {KINDS.get(kind, kind)}"
        case Difference(Thing(relation, before), Thing(_, after)):
            is_now, was = (with_article(KINDS.get(kind, kind)) for kind in (after, before))
            return f"{short(relation)} is {is_now} now (agreed: {was})"
        case _:
            return f"{short(getattr(one.before, 'relation', ''))} is gone"


def word_rename(rename: Rename) -> str:
    """Say that a new name has everything an old one had."""
    within = f"{short(rename.relation)}." if rename.relation else ""
    old, new = (f"{within}{short(name)}" for name in (rename.old, rename.new))
    return f"{new} is new, with just the access that {old} had, which is gone"


def short(relation: str) -> str:
    """Return the name without "public."."""
    return relation.removeprefix("public.")


def listed(names: Sequence[str]) -> str:
    """Return "a", "a and b" or "a, b and c"."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def _now(before: str, after: str, about: str, *, several: bool) -> str:
    be, fail = ("are", "fail") if several else ("is", "fails")
    could = before in REACH
    if after in REACH:
        return f"may now {about} {_result(after, several=several)}"
    if after == "unproven":
        return f"{be} not proven to be able or unable to {about}"
    if not after:
        return f"may no longer {about}" if could else f"{be} no longer granted to {about}"
    if after not in STOPPED:
        return f"now {fail} to {about} with SQLSTATE {after}"
    if could:
        return f"may no longer {about}: {STOPPED[after]}"
    return f"{be} now granted to {about}, but {STOPPED[after]}"


def _result(result: str, *, several: bool) -> str:
    return {
        "own": f"of {'their' if several else 'its'} own rows",
        "organization": "of the whole organization",
        "all": "of all rows",
        "none": "under the policies",
        "hidden": "of no row",
        "unproven": "unproven",
        **STOPPED,
    }.get(result, f"SQLSTATE {result}")


def _target(command: str, relation: str, columns: Sequence[str]) -> str:
    if command == "EXECUTE" and columns:
        return f"{short(relation)}, which {listed(columns)},"
    if command == "UPDATE TO":
        columns = [column.replace(TO, " to ", 1) for column in columns]
    if len(columns) < 2:
        return ".".join([short(relation), *columns])
    if len(columns) <= MOST_NAMED:
        return f"{short(relation)} ({', '.join(columns)})"
    return f"{short(relation)} ({', '.join(columns[:MOST_NAMED])} ... {len(columns)} columns)"
