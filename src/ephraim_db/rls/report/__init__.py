"""Tell a run to people (text, Markdown, HTML) and to programs (JSON, JUnit, SARIF, GitHub).

Matrix, findings, contract --Report.of--> Report --FORMS--> text of one form
"""

from typing import TYPE_CHECKING

from ephraim_db.lazily import names

if TYPE_CHECKING:
    from ephraim_db.rls.report.findings import fold, print_findings
    from ephraim_db.rls.report.forms import FORMS, SUFFIXES
    from ephraim_db.rls.report.json import as_document, as_json
    from ephraim_db.rls.report.places import Place, Places
    from ephraim_db.rls.report.printing import print_report
    from ephraim_db.rls.report.report import Report
    from ephraim_db.rls.report.text import draw, print_matrix

__all__ = [
    "FORMS",
    "SUFFIXES",
    "Place",
    "Places",
    "Report",
    "as_document",
    "as_json",
    "draw",
    "fold",
    "print_findings",
    "print_matrix",
    "print_report",
]

# Imported when first asked for: the options of a command name the forms, and need no more.
__getattr__ = names(
    __name__,
    {
        "FORMS": "forms",
        "SUFFIXES": "forms",
        "Place": "places",
        "Places": "places",
        "Report": "report",
        "as_document": "json",
        "as_json": "json",
        "draw": "text",
        "fold": "findings",
        "print_findings": "findings",
        "print_matrix": "text",
        "print_report": "printing",
    },
)
