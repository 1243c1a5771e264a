"""The report as SARIF 2.1.0, for code scanning: each result at the line it is most likely about.

Only findings and differences from the contract are results; what is unproven is none.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any
from urllib.parse import quote

from ephraim_db.rls.contract import Told
from ephraim_db.rls.findings import Finding
from ephraim_db.rls.report.findings import fold, shown_script
from ephraim_db.rls.report.places import Place
from ephraim_db.rls.report.report import Report

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
LEVELS = {"error": "error", "warning": "warning", "info": "note"}
CONTRACT = "rls-contract"


def as_sarif(report: Report) -> str:
    """Return the log: one run."""
    results = list(_results(report))
    rules = sorted({result["ruleId"] for result in results})
    for result in results:
        result["ruleIndex"] = rules.index(result["ruleId"])
    log = {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "ephraim-db rls",
                        "version": version("ephraim-db"),
                        "rules": [_rule(name) for name in rules],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "results": results,
            }
        ],
    }
    return json.dumps(log, indent=2, ensure_ascii=False)


def _rule(name: str) -> dict[str, Any]:
    said = "Differs from supabase/rls.contract" if name == CONTRACT else name.replace("-", " ")
    return {"id": name, "shortDescription": {"text": said}}


def _results(report: Report) -> Iterator[dict[str, Any]]:
    for finding, others in fold(report.findings):
        yield _of_finding(finding, others, report.places.of_finding(finding))
    for told in report.differences or ():
        yield _of_difference(told, report.place_of(told))


def _of_finding(finding: Finding, others: tuple[str, ...], place: Place) -> dict[str, Any]:
    about = (finding.rule, finding.relation, re.sub(r"\d+", "", finding.message))
    also = f" (also {', '.join(others)})" if others else ""
    message = f"{finding.message}{also}. Fix: {finding.fix}"
    return {
        **_result(finding.rule, LEVELS[finding.severity], message, place, about),
        "properties": {"personas": [finding.persona, *others], "sql": shown_script(finding)},
    }


def _of_difference(told: Told, place: Place) -> dict[str, Any]:
    return _result(CONTRACT, "error", told.message, place, (told.message,))


def _result(
    rule: str, level: str, message: str, place: Place, about: tuple[str, ...]
) -> dict[str, Any]:
    fingerprint = hashlib.sha256("\0".join(about).encode()).hexdigest()
    return {
        "ruleId": rule,
        "level": level,
        "message": {"text": message},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": quote(place.file), "uriBaseId": "%SRCROOT%"},
                    "region": {"startLine": place.line},
                }
            }
        ],
        "partialFingerprints": {"about/v1": fingerprint},
    }
