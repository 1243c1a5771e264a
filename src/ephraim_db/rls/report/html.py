"""The report as one page that needs nothing else: no network, no script to be read, no server.

Report --lay_out--> grid --page/page.html.j2 with page.css and page.js inlined--> text
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ephraim_db.rls.contract import Change, Told
from ephraim_db.rls.contract.facts import Access, Doubt
from ephraim_db.rls.prober import MAY_BYPASS
from ephraim_db.rls.report.findings import fold
from ephraim_db.rls.report.grid import Block, Mark, lay_out
from ephraim_db.rls.report.report import Report
from ephraim_db.rls.report.text import folded_doubts
from ephraim_db.rls.report.verdict import HEADINGS, verdict

WORDS = {"organization": "org", "-": "\u2013"}


@dataclass(frozen=True, slots=True)
class Reach:
    """Who can do one thing with the same columns."""

    verb: str
    mark: Mark
    left_out: tuple[str, ...]
    personas: tuple[str, ...]


def as_html(report: Report) -> str:
    """Return the page."""
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
        blocks=[(block, tuple(_reaches(block))) for block in lay_out(report.matrix)],
        findings=found,
        changes=[(HEADINGS[c], c, [d for d in told if d.change is c]) for c in Change],
        doubts=list(folded_doubts(report.matrix.unproven)),
        flagged={
            (persona, finding.relation): (finding.severity, number, finding.message)
            for number, (finding, personas) in reversed(list(enumerate(found, start=1)))
            for persona in personas
        },
        changed=set(_changed(told)),
        bypassing={p.name for p in report.matrix.personas if p.role in MAY_BYPASS},
        words=WORDS,
        style=Markup(style),  # noqa: S704 - our own files
        script=Markup(script),  # noqa: S704
        policy=f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}",
    )


def _reaches(block: Block) -> Iterator[Reach]:
    """Say column by column what the grid says by number, once for all who can do the same."""
    together: dict[tuple[str, Mark], list[str]] = {}
    for line in block.lines:
        for square in line.squares:
            for mark in square.marks:
                if mark.word not in ("-", "refused", "hidden"):
                    together.setdefault((line.verb, mark), []).append(square.persona)
    for (verb, mark), personas in together.items():
        left_out = [c for c in block.relation.columns if mark.columns and c not in mark.columns]
        yield Reach(verb, mark, tuple(left_out), tuple(personas))


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
