"""The report as one page that needs nothing else: no network, no script to be read, no server.

Report --lay_out--> grid --page/page.html.j2 with page.css and page.js inlined--> text
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Iterator
from importlib.resources import files

from markupsafe import Markup

from ephraim_db.rls.contract import Change, Told
from ephraim_db.rls.contract.facts import Access, Doubt
from ephraim_db.rls.findings import Finding
from ephraim_db.rls.prober import MAY_BYPASS
from ephraim_db.rls.report.findings import fold, shown_script
from ephraim_db.rls.report.grid import lay_out, name_columns, reaches
from ephraim_db.rls.report.report import Report
from ephraim_db.rls.report.text import folded_doubts
from ephraim_db.rls.report.verdict import HEADINGS, verdict

MOST_WORST = 5
WORDS = {"organization": "org", "-": "\u2013"}


def as_html(report: Report) -> str:
    """Return the page."""
    from jinja2 import Environment, PackageLoader, StrictUndefined  # not for the other forms

    environment = Environment(
        loader=PackageLoader("ephraim_db.rls.report", "page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["soft"] = _soft
    style, script = _read("page.css"), _read("page.js")
    found = [(f, (f.persona, *others)) for f, others in fold(report.findings)]
    told = report.differences or ()
    return environment.get_template("page.html.j2").render(
        report=report,
        project=report.places.project.resolve().name,
        verdict=verdict(report),
        blocks=list(lay_out(report.matrix)),
        reaches=reaches,
        name_columns=name_columns,
        shown_script=shown_script,
        findings=found,
        worst=list(_worst(finding for finding, _ in found)),
        changes=[(HEADINGS[c], c, [d for d in told if d.change is c]) for c in Change],
        doubts=list(folded_doubts(report.matrix)),
        flagged={
            (persona, finding.relation): (finding.severity, number, finding.message)
            for number, (finding, personas) in reversed(list(enumerate(found, start=1)))
            for persona in personas
        },
        changed=set(_changed(told)),
        bypassing={p.name for p in report.matrix.personas if p.role in MAY_BYPASS},
        words=WORDS,
        style=Markup(style),  # noqa: S704 - our own files
        script=Markup(script),  # noqa: S704 - our own files
        policy=f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}",
    )


def _worst(findings: Iterable[Finding]) -> Iterator[tuple[int, Finding]]:
    """Yield the first that are no notes, with their numbers: of each relation, only the worst."""
    seen: set[str] = set()
    for number, finding in enumerate(findings, start=1):
        if finding.severity != "info" and finding.relation not in seen and len(seen) < MOST_WORST:
            seen.add(finding.relation)
            yield number, finding


def _changed(told: Iterable[Told]) -> Iterator[tuple[str, str, str]]:
    """Yield persona, relation and command of what differs from the contract."""
    for one in told:
        for difference in one.differences:
            fact = difference.fact
            if isinstance(fact, Access | Doubt):
                yield (fact.persona, fact.relation, fact.command)


def _soft(name: str) -> Markup:
    """Let a long name break after an underscore or a dot."""
    parts = re.split(r"(?<=[._])", name)
    return Markup("<wbr>").join(parts)


def _read(name: str) -> str:
    return (files(__package__) / "page" / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
