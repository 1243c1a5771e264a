"""The matrix for programs: one JSON document, the same for the same database."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from ephraim_db.rls.contract import Told, write_fact
from ephraim_db.rls.findings import Finding
from ephraim_db.rls.matrix import Matrix
from ephraim_db.rls.report.report import Report

VERSION = 1


def as_document(
    matrix: Matrix, findings: Iterable[Finding] = (), differences: Iterable[Told] | None = None
) -> dict[str, Any]:
    """Return the document; relations are schema-qualified, keys and order are stable.

    It has `differences` if it was compared with a contract.
    """
    document: dict[str, Any] = {
        "version": VERSION,
        "personas": [
            {
                "name": p.name,
                "role": p.role,
                "sub": p.sub,
                "organization": list(p.organizations) if p.also_of else p.organization,
            }
            for p in matrix.personas
        ],
        "relations": [
            {"name": relation.name, "kind": relation.kind, "rows": relation.rows}
            for relation in matrix.relations
        ],
        "cells": [
            {
                "persona": cell.persona,
                "relation": cell.relation,
                "command": cell.command,
                "outcome": cell.outcome,
                "scope": cell.scope,
                "columns": list(cell.columns),
                "decided_by": f"trigger {cell.decided_by}"
                if cell.decided_by_kind == "trigger"
                else cell.decided_by,
            }
            for cell in matrix.cells
        ],
        "findings": [asdict(finding) for finding in findings],
        "unproven": [
            {
                "persona": doubt.persona,
                "relation": doubt.relation,
                "command": doubt.command,
                "reason": doubt.reason,
            }
            for doubt in matrix.unproven
        ],
    }
    if differences is not None:
        document["differences"] = [_difference(told) for told in differences]
    return document


def as_json(
    matrix: Matrix, findings: Iterable[Finding] = (), differences: Iterable[Told] | None = None
) -> str:
    """Return the document as text."""
    document = as_document(matrix, findings, differences)
    return json.dumps(document, indent=2, ensure_ascii=False)


def report_as_json(report: Report) -> str:
    """Return the document of a report as text."""
    return as_json(report.matrix, report.findings, report.differences)


def _difference(told: Told) -> dict[str, Any]:
    """Return a sentence, and the lines of the contract that it takes away and adds."""
    return {
        "change": told.change.name.lower(),
        "personas": list(told.personas),
        "relation": told.relation,
        "columns": list(told.columns),
        "message": told.message,
        "agreed": [write_fact(one.before) for one in told.differences if one.before],
        "observed": [write_fact(one.after) for one in told.differences if one.after],
    }
