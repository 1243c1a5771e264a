"""The matrix for programs: one JSON document, the same for the same database."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from ephraim_db.rls.findings import Finding
from ephraim_db.rls.matrix import Matrix

VERSION = 1


def as_document(matrix: Matrix, findings: Iterable[Finding] = ()) -> dict[str, Any]:
    """Return the document; relations are schema-qualified, keys and order are stable."""
    return {
        "version": VERSION,
        "personas": [
            {"name": p.name, "role": p.role, "sub": p.sub, "organization": p.organization}
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
                "decided_by": cell.decided_by,
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


def as_json(matrix: Matrix, findings: Iterable[Finding] = ()) -> str:
    """Return the document as text."""
    return json.dumps(as_document(matrix, findings), indent=2, ensure_ascii=False)
