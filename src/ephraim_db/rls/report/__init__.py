"""Tell the matrix to people (text) and to programs (json)."""

from ephraim_db.rls.report.findings import fold, print_findings
from ephraim_db.rls.report.json import as_document, as_json
from ephraim_db.rls.report.text import print_matrix

__all__ = ["as_document", "as_json", "fold", "print_findings", "print_matrix"]
