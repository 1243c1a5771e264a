"""The matrix for programs: one JSON document, the same for the same database."""

from __future__ import annotations

import json
from typing import Any

from ephraim_db.rls.matrix import Matrix

VERSION = 1


def as_document(matrix: Matrix) -> dict[str, Any]:
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
        "findings": [],
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


def as_json(matrix: Matrix) -> str:
    """Return the document as text."""
    return json.dumps(as_document(matrix), indent=2, ensure_ascii=False)
