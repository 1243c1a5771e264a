"""Every rule, each in a file of its own.

A rule is a function from the scene to candidates. It suspects; the proof decides. What it had no
time to try it yields as unproven.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ephraim_db.rls.findings import (
    anonymous_reads,
    anonymous_writes,
    blind_lookups,
    boundary_reads,
    boundary_writes,
    cached_identity,
    caller_settings,
    cascades,
    deleted_rows,
    error_texts,
    escalation,
    failing_policies,
    failing_writes,
    foreign_references,
    function_reads,
    function_writes,
    lasting_settings,
    leaky_views,
    moved_rows,
    others_writes,
    outsiders,
    ownerless_rows,
    planner_estimates,
    returning,
    secret_copies,
    secret_publications,
    secret_reads,
    soft_deletes,
    two_memberships,
    unique_oracles,
    unreachable_writes,
    user_metadata,
)
from ephraim_db.rls.findings.candidates import Candidate
from ephraim_db.rls.findings.scene import Scene
from ephraim_db.rls.matrix import Unproven

Rule = Callable[[Scene], Iterator[Candidate | Unproven]]

RULES: tuple[Rule, ...] = (
    boundary_reads.find,
    boundary_writes.find,
    moved_rows.find,
    anonymous_reads.find,
    anonymous_writes.find,
    others_writes.find,
    outsiders.find,
    foreign_references.find,
    cascades.find,
    ownerless_rows.find,
    unique_oracles.find,
    planner_estimates.find,
    leaky_views.find,
    secret_reads.find,
    secret_copies.find,
    secret_publications.find,
    error_texts.find,
    escalation.find,
    user_metadata.find,
    cached_identity.find,
    caller_settings.find,
    lasting_settings.find,
    function_reads.find,
    function_writes.find,
    failing_policies.find,
    failing_writes.find,
    blind_lookups.find,
    two_memberships.find,
    returning.find,
    soft_deletes.find,
    deleted_rows.find,
    unreachable_writes.find,
)
