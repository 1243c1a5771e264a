"""Why a mutant cannot be told from the original: proofs from the catalog, none from guessing."""

from __future__ import annotations

import re

from ephraim_db.rls.mutants.expressions import Edit, is_true
from ephraim_db.rls.mutants.targets import PolicyText, Targets, Trigger

COMMANDS = ("select", "insert", "update", "delete")


def same_check(targets: Targets, policy: PolicyText, clause: str, edit: Edit) -> str | None:
    """Say why a wider WITH CHECK of an UPDATE lets nothing more pass than USING has let."""
    if clause != "with check" or policy.command != "update" or not edit.widens:
        return None
    if policy.qual != policy.checked:
        return None
    relation = targets.catalog.relations[policy.relation]
    words = set(re.findall(r"\w+", policy.checked or ""))
    read = {column.name for column in relation.columns if column.name in words}
    writers = [
        targets.functions.by_oid.get(trigger.function)
        for trigger in targets.triggers
        if trigger.relation == policy.relation and trigger.is_before
    ]
    changed = {
        column
        for (oid, role), columns in targets.updatable.items()
        for column in read & columns
        if oid == policy.relation and _is_for(targets, policy, role)
    }
    if changed or any(
        writer is None or _assigns(writer.source, column) for writer in writers for column in read
    ):
        return None
    columns = ", ".join(sorted(read)) or "no column"
    return f"USING is the same, and nobody it is for may update what it reads: {columns}"


def same_roles(targets: Targets, policy: PolicyText) -> str | None:
    """Say why nobody gains by a policy that is for public."""
    words = COMMANDS if policy.command == "all" else (policy.command,)
    there = targets.acting_as(policy.roles)
    able = frozenset().union(
        *(targets.holders.get((policy.relation, word), frozenset()) for word in words)
    )
    gaining = able - there
    if not policy.permissive:
        return None
    if not gaining:
        return f"no other role that RLS holds may {' or '.join(words)} here"
    if all(_passes_anyway(targets, policy, role, word) for role in gaining for word in words):
        who = ", ".join(sorted(gaining))
        return f"{who} may {' and '.join(words)} every row here by a policy of its own"
    return None


def same_trigger(targets: Targets, trigger: Trigger) -> str | None:
    """Say why a trigger never fires for anybody."""
    relation = targets.catalog.relations[trigger.relation]
    for word in trigger.events:
        if targets.able.get((trigger.relation, word)):
            return None
        if word in targets.cascaded.get(trigger.relation, frozenset()):
            return None
        for oid, function in targets.functions.by_oid.items():
            words = targets.functions.words[oid]
            if oid != trigger.function and {relation.name, word} <= words and function.definer:
                return None
    what = " or ".join(trigger.events)
    return f"nobody but the owner may {what} here, and no function or foreign key does it for them"


def same_command(targets: Targets, policy: PolicyText) -> str | None:
    """Say why a policy that is for all commands adds nothing to what there is."""
    if not policy.permissive:
        return None
    others = [word for word in COMMANDS if word != policy.command]
    concerned = [
        (role, word)
        for word in others
        for role in sorted(targets.holders.get((policy.relation, word), frozenset()))
        if _is_for(targets, policy, role)
    ]
    if not concerned:
        return f"no role that it is for may do anything but {policy.command} here"
    if all(
        _passes_anyway(targets, policy, role, word) or _says_the_same(targets, policy, role, word)
        for role, word in concerned
    ):
        words = ", ".join(dict.fromkeys(word for _, word in concerned))
        return f"for {words} there are policies that let as much pass"
    return None


def same_without_rls(targets: Targets, relation: int) -> str | None:
    """Say why row security keeps nobody from anything."""
    concerned = [
        (role, word)
        for word in COMMANDS
        for role in sorted(targets.holders.get((relation, word), frozenset()))
    ]
    if all(_passes_anyway(targets, None, role, word, relation) for role, word in concerned):
        who = ", ".join(dict.fromkeys(role for role, _ in concerned)) or "nobody"
        return f"only {who} may do anything here, and policies let that pass for every row"
    return None


def _is_for(targets: Targets, policy: PolicyText, role: str) -> bool:
    return not policy.roles or role in targets.acting_as(policy.roles)


def _others(
    targets: Targets, policy: PolicyText | None, role: str, word: str, relation: int
) -> list[PolicyText]:
    return [
        other
        for other in targets.policies
        if other.relation == relation
        and (policy is None or other.oid != policy.oid)
        and other.command in (word, "all")
        and _is_for(targets, other, role)
    ]


def _passes_anyway(
    targets: Targets, policy: PolicyText | None, role: str, word: str, relation: int = 0
) -> bool:
    """Return whether a role has every row already, and nothing restricts it."""
    mine = _others(targets, policy, role, word, policy.relation if policy else relation)
    return all(other.permissive for other in mine) and any(
        all(is_true(e) for e in (other.qual, other.checked) if e is not None) for other in mine
    )


def _says_the_same(targets: Targets, policy: PolicyText, role: str, word: str) -> bool:
    """Return whether another policy for the command has just these expressions."""
    qual, checked = policy.qual or policy.checked, policy.checked or policy.qual
    return any(
        other.permissive
        and (word == "insert" or other.qual == qual)
        and (word in ("select", "delete") or (other.checked or other.qual) == checked)
        for other in _others(targets, policy, role, word, policy.relation)
    )


def _assigns(source: str, column: str) -> bool:
    """Return whether a trigger may write a column: by name, or the row as a whole."""
    written = rf"\bnew\s*(\.\s*\"?{re.escape(column)}\"?)?\s*:?=|\binto\s+(strict\s+)?new\b"
    return bool(re.search(written, source, re.IGNORECASE))
