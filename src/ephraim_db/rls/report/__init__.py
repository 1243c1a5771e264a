"""Tell a run to people (text, Markdown, HTML) and to programs (JSON, JUnit, SARIF, GitHub).

Matrix, findings, contract --Report.of--> Report --FORMS--> text of one form
"""

from ephraim_db.rls.report.findings import fold, print_findings
from ephraim_db.rls.report.forms import FORMS, SUFFIXES, print_report
from ephraim_db.rls.report.json import as_document, as_json
from ephraim_db.rls.report.places import Place, Places
from ephraim_db.rls.report.report import Report
from ephraim_db.rls.report.text import print_matrix
from ephraim_db.rls.report.verdict import verdict

__all__ = [
    "FORMS",
    "SUFFIXES",
    "Place",
    "Places",
    "Report",
    "as_document",
    "as_json",
    "fold",
    "print_findings",
    "print_matrix",
    "print_report",
    "verdict",
]
